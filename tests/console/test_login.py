"""Logging in by the form, in a browser, and what is seen once the login is over."""

import pytest
from playwright.sync_api import expect

from tests.console.served import EDITOR, Served
from tests.console.windows import Windows, log_in


@pytest.mark.core
def test_a_wrong_password_is_told_and_a_right_one_leads_to_where_one_wanted_to_be(windows: Windows) -> None:
    page = windows.open()
    page.goto("/events")
    log_in(page, EDITOR, "wrong")
    expect(page.get_by_role("alert")).to_have_text("User or password is wrong.")
    log_in(page, EDITOR)
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")


def test_a_login_that_is_over_leads_to_the_form_and_back(windows: Windows, served: Served) -> None:
    page = windows.open(EDITOR)
    page.goto("/rules")
    served.end_sessions()
    page.wait_for_timeout(1_500)  # the console may believe what it looked up a second ago
    page.get_by_role("link", name="rules.yaml", exact=True).click()
    log_in(page, EDITOR)
    expect(page.get_by_role("heading", level=1)).to_have_text("rules.yaml")


def test_an_action_after_the_login_is_over_changes_nothing(windows: Windows, served: Served) -> None:
    page = windows.open(EDITOR)
    page.goto("/drill")
    served.end_sessions()
    page.wait_for_timeout(1_500)
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator("input[name=password]")).to_be_visible()
    assert served.service.status()["drill"] is None


def test_logging_out(windows: Windows) -> None:
    page = windows.open(EDITOR)
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("input[name=password]")).to_be_visible()
    page.goto("/rules")
    expect(page.locator("input[name=password]")).to_be_visible()
