"""The pages of events: what the CRM refused or did not take is tried again, or given up."""

import re
from itertools import count

import pytest
from playwright.sync_api import expect

from tests.console.served import EDITOR, VIEWER, Served
from tests.console.windows import Windows
from tests.fakes.service import wait_until

numbers = count(1)


def refused(served: Served, how_many: int = 1) -> list[str]:
    """Have the CRM refuse events; return their calls."""
    served.crm.set_mode("422")
    calls = [f"1700000000.{next(numbers)}" for _ in range(how_many)]
    for call in calls:
        served.report(call)
    wait_until(lambda: served.event_states().count("refused") >= how_many, "they are refused")
    return calls


@pytest.fixture(autouse=True)
def _none_left(served: Served) -> None:
    assert not {"pending", "dead", "refused"} & set(served.event_states())


def test_one_is_looked_at_and_tried_again(windows: Windows, served: Served) -> None:
    (call,) = refused(served)
    page = windows.open(EDITOR)
    page.goto(f"/events?call={call}")
    page.locator("tbody th a").click()
    expect(page.locator("dl.facts").first).to_contain_text("422")
    expect(page.locator("dl.facts").first).to_contain_text(re.compile(r"Attempts\s*1"))
    served.crm.set_mode("ok")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#told")).to_contain_text("1 event is tried again")
    wait_until(lambda: served.event_states()[-1] == "delivered", "the CRM has it")


def test_many_are_tried_again(windows: Windows, served: Served) -> None:
    refused(served, 3)
    page = windows.open(EDITOR)
    page.goto("/events")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Retry the ticked ones").click()
    expect(page.locator("#told")).to_contain_text("Tick the events")
    page.get_by_role("button", name="Tick all").click()
    page.locator("tbody input[type=checkbox]").first.uncheck()
    served.crm.set_mode("ok")
    page.get_by_role("button", name="Retry the ticked ones").click()
    expect(page.locator("#told")).to_contain_text("2 events are tried again")
    wait_until(lambda: served.event_states()[-3:].count("delivered") == 2, "the CRM has two")
    page.goto("/events?state=refused")
    page.get_by_role("button", name="Retry all").click()
    expect(page.locator("#told")).to_contain_text("1 event is tried again")
    wait_until(lambda: served.event_states()[-3:].count("delivered") == 3, "the CRM has all")


@pytest.mark.parametrize("scripts", [True, False])
def test_they_are_given_up_once_that_is_confirmed(windows: Windows, served: Served, scripts: bool) -> None:
    refused(served, 2)
    page = windows.open(EDITOR, scripts=scripts)
    page.goto("/events?state=refused")
    for box in page.locator("tbody input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Drop the ticked ones").click()
    expect(page.locator("main li")).to_have_count(2)
    page.get_by_role("link", name="Keep them").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert served.event_states()[-2:] == ["refused", "refused"]
    for box in page.locator("tbody input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Drop the ticked ones").click()
    page.get_by_role("button", name="Drop for good").click()
    expect(page.locator("#told")).to_contain_text("2 events are given up.")
    assert served.event_states()[-2:] == ["dropped", "dropped"]
    assert served.audit()[-1][:2] == (EDITOR, "events drop")


def test_what_waits_is_seen_and_a_viewer_sees_it_too(windows: Windows, served: Served) -> None:
    served.crm.set_mode("503")
    served.report(f"1700000000.{next(numbers)}")
    wait_until(lambda: served.event_states()[-1] == "pending", "it waits")
    page = windows.open(VIEWER)
    page.goto("/events?state=pending")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.locator("main input[type=checkbox], main button.grave").count() == 0
    page.locator("tbody th a").click()
    assert page.locator("main form").count() == 0
    served.crm.set_mode("ok")
    wait_until(lambda: served.event_states()[-1] == "delivered", "the CRM has it")
