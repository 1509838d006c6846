"""The pages of rules: the editor, trying, saving, applying, going back, pins."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.served import EDITOR, OTHER, VIEWER, Served
from tests.console.windows import NARROW, Windows, tab_to, wait_until_drawn
from tests.fakes.whole import DID, rule

FILE = "/rules/files/rules.yaml"


def text_of(page: Page) -> str:
    return page.locator("#text").input_value()


def wait_for_heading(page: Page, name: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", name=name)).to_be_visible()


@pytest.mark.core
def test_an_error_is_marked_where_it_is(windows: Windows) -> None:
    page = windows.open(EDITOR)
    page.goto(FILE)
    broken = text_of(page) + '- {name: "new", tier: fallbak, did: "632", route: {app: group, num: "1"}}\n'
    line = broken.count("\n")
    page.locator("#text").fill(broken)
    page.get_by_role("button", name="Check").click()
    wait_for_heading(page, "The rules do not check")
    assert text_of(page) == broken
    problem = page.locator(".problems li.error").first
    place = problem.get_by_role("link")
    expect(place).to_have_text(f"rules.yaml:{line}:23")
    expect(problem).to_contain_text("fallback")
    expect(page.locator(".gutter b.error")).to_have_text(str(line))
    place.click()
    selected = page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]")
    assert selected == ["text", broken.rindex("\n", 0, -1) + 1 + 22]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Not saved")
    assert text_of(page) == broken


def test_a_change_is_compared_tried_on_calls_saved_applied_and_taken_back(windows: Windows, served: Served) -> None:
    served.crm.set_mode("503")
    first = served.ask()
    assert (first["FR_SOURCE"], first["num"]) == ("fallback", "62")
    page = windows.open(EDITOR)
    page.goto(FILE)
    before = text_of(page)
    page.locator("#text").fill(before.replace('"62"', '"63"'))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#difference tbody tr")).to_have_count(1)
    expect(page.locator("#difference del")).to_contain_text("62")
    expect(page.locator("#difference ins")).to_contain_text("63")
    page.get_by_role("button", name="Backtest").click()
    expect(page.locator("#backtest")).to_contain_text("would go elsewhere")
    expect(page.locator("#backtest tbody th")).to_have_text(DID)
    assert served.whole.rules_dir.joinpath("rules.yaml").read_text(encoding="utf-8") == before

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#told")).to_contain_text("rules.yaml is saved")
    assert served.ask()["num"] == "62", "it serves once it is applied"
    page.get_by_role("link", name="Backtest on recorded calls").click()
    expect(page.locator("#backtest")).to_be_visible()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#told")).to_contain_text("Applied: 2 rules serve.")
    assert served.ask()["num"] == "63"

    page.locator("tr", has_text="62").get_by_role("button", name="Go back").first.or_(
        page.get_by_role("button", name=re.compile("Go back to number")).first
    ).first.click()
    expect(page.locator("#difference del")).to_contain_text("63")
    expect(page.locator("#difference ins")).to_contain_text("62")
    assert served.ask()["num"] == "63", "nothing is done yet"
    page.get_by_role("button", name=re.compile("Go back to number")).click()
    expect(page.locator("#told")).to_contain_text("serve again")
    assert served.ask()["num"] == "62"
    page.goto(FILE)
    assert text_of(page) == before
    done = [(action, outcome) for who, action, _, outcome in served.audit() if who == EDITOR]
    for action in ("rules save", "rules apply", "rules rollback"):
        assert (action, "done") in done
    served.crm.set_mode("ok")


def test_of_two_editors_the_second_is_told_and_loses_nothing(windows: Windows, served: Served) -> None:
    first, second = windows.open(EDITOR), windows.open(OTHER)
    for page in (first, second):
        page.goto(FILE)
    before = text_of(first)
    theirs, ours = before + "# of the first\n", before + "# of the second\n"
    first.locator("#text").fill(theirs)
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.locator("#told")).to_contain_text("is saved")

    second.locator("#text").fill(ours)
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_role("alert")).to_contain_text("Somebody else saved this file meanwhile")
    assert text_of(second) == ours
    expect(second.locator("pre.diff del")).to_contain_text(["--- ", "-# of the first"])
    expect(second.locator("pre.diff ins")).to_contain_text(["+++ ", "+# of the second"])
    file = served.whole.rules_dir / "rules.yaml"
    assert file.read_text(encoding="utf-8") == theirs

    second.get_by_role("button", name="Save over it").click()
    expect(second.locator("#told")).to_contain_text("is saved")
    assert file.read_text(encoding="utf-8") == ours


def test_a_new_file(windows: Windows, served: Served) -> None:
    page = windows.open(EDITOR, size=NARROW)
    page.goto("/rules")
    page.locator("input[name=name]").fill("more.yaml")
    page.get_by_role("button", name="Begin it").click()
    expect(page.get_by_text("There is no such file yet")).to_be_visible()
    page.locator("#text").fill(rule("more", "74953333333", "8"))
    page.get_by_role("button", name="Save", exact=True).click()
    wait_for_heading(page, "Files and what serves")
    expect(page.locator("#difference tbody")).to_contain_text("more")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#told")).to_contain_text("Applied: 3 rules serve.")


@pytest.mark.core
def test_a_pin_by_the_keyboard_alone(windows: Windows, served: Served) -> None:
    page = windows.open()
    page.goto("/login")
    wait_until_drawn(page)
    page.keyboard.type(EDITOR)
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_url("/")
    tab_to(page, "nav a[href='/rules']")
    page.keyboard.press("Enter")
    page.wait_for_url("/rules")
    tab_to(page, "input[name=did]")
    page.keyboard.type(DID)
    tab_to(page, "input[name=to]")
    page.keyboard.type("group:77")
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text(f"{DID} goes to group:77 until")
    pinned = served.ask()
    assert (pinned["FR_SOURCE"], pinned["num"]) == ("override", "77")
    tab_to(page, f"button[aria-label='End pin {DID}']")
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text("Ended: ")
    assert served.ask()["FR_SOURCE"] != "override"


def test_a_pin_without_scripts_and_a_pin_that_cannot_be(windows: Windows, served: Served) -> None:
    page = windows.open(EDITOR, scripts=False)
    page.goto("/rules")
    page.locator("input[name=did]").fill(DID)
    page.locator("input[name=to]").fill("nowhere:1")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was saved")
    page.goto("/rules")
    page.locator("input[name=did]").fill(DID)
    page.locator("input[name=to]").fill("group:78")
    page.locator("input[name=until]").fill("2001-01-01T00:00")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("a pin ends in the future")
    page.goto("/rules")
    page.locator("input[name=did]").fill(DID)
    page.locator("input[name=to]").fill("group:78")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.locator("#told")).to_contain_text("group:78")
    page.get_by_role("button", name=f"End pin {DID}").click()
    expect(page.locator("#told")).to_contain_text("Ended: ")


def test_a_viewer_sees_and_tries_and_cannot_act(windows: Windows, served: Served) -> None:
    page = windows.open(VIEWER)
    page.goto("/rules")
    expect(page.get_by_role("heading", name="Rules that serve", exact=False)).to_be_visible()
    assert page.locator("main form").count() == 0
    page.goto(FILE)
    assert page.get_by_role("button", name="Save").count() == 0
    page.get_by_role("button", name="Check").click()
    wait_for_heading(page, re.compile("The rules check: "))
    page.goto("/rules/compare")
    assert page.get_by_role("button", name="Apply").count() == 0


def test_in_russian(windows: Windows) -> None:
    page = windows.open(EDITOR, language="ru")
    page.goto(FILE)
    page.get_by_role("button", name="Проверить", exact=True).click()
    wait_for_heading(page, re.compile("Правила верны: "))
