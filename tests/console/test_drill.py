"""The page of drills: one is begun, watched, and ended."""

import pytest
from playwright.sync_api import Page, expect

from tests.console.served import EDITOR, VIEWER, Served
from tests.console.windows import Windows


def begin(page: Page, fault: str, percent: str, minutes: str) -> None:
    page.locator("select[name=fault]").select_option(fault)
    page.locator("input[name=percent]").fill(percent)
    page.locator("input[name=minutes]").fill(minutes)
    page.get_by_role("button", name="Begin", exact=True).click()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_drill_is_begun_seen_and_ended(windows: Windows, served: Served, scripts: bool) -> None:
    page, viewer = windows.open(EDITOR, scripts=scripts), windows.open(VIEWER)
    for one in (page, viewer):
        one.goto("/drill")
    expect(viewer.locator("#drill")).to_contain_text("No drill is on.")
    begin(page, "hang", "50", "30")
    expect(page.locator("#told")).to_contain_text("The drill has begun")
    expect(page.locator("#drill")).to_contain_text("50 % of the questions")
    on = served.service.status()["drill"]
    assert (on["fault"], on["share"]) == ("hang", 0.5)
    assert 1_000 < on["left_s"] <= 1_800
    viewer.reload()
    expect(viewer.locator("#drill")).to_contain_text("A drill is on")
    assert viewer.locator("main form").count() == 0

    page.get_by_role("button", name="End the drill").click()
    expect(page.locator("#told")).to_contain_text("The drill is over.")
    expect(viewer.locator("#drill")).to_contain_text("No drill is on.")
    assert served.service.status()["drill"] is None
    assert [entry[:2] for entry in served.audit()[-2:]] == [(EDITOR, "drill begin"), (EDITOR, "drill end")]


def test_a_second_one_is_refused_and_what_was_chosen_stays(windows: Windows, served: Served) -> None:
    first, second = windows.open(EDITOR), windows.open(EDITOR)
    for page in (first, second):
        page.goto("/drill")
    begin(first, "error", "100", "5")
    expect(first.locator("#told")).to_contain_text("The drill has begun")
    begin(second, "dns", "25", "7")
    expect(second.locator("#told")).to_contain_text("is on already")
    expect(second.locator("input[name=minutes]")).to_have_value("7")
    first.get_by_role("button", name="End the drill").click()
    expect(first.locator("#drill")).to_contain_text("No drill is on.")
