"""*Calls from the CRM*: seen by everybody, and one that waits cancelled by those who may."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.outcall import State
from fallbackrouter.store.audit import list_entries
from fallbackrouter.store.calls import CallQueue
from tests.edges.admin.test_calls_asked import CALL, CONFIG
from tests.fakes.admin import STATUS, AdminServer, Browser, csrf_in


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AdminServer]:
    with AdminServer(tmp_path, config=CONFIG) as server:
        server.user("anna")
        server.user("vera", "viewer")
        yield server


def asked(server: AdminServer, **fields: str) -> str:
    """Have a call asked for as a CRM does, and return its id."""
    headers = server.token("call", name=f"crm {SystemClock().new_id()}")
    answer = server.send("POST", "/api/v1/calls", {**CALL, **fields}, headers)
    assert answer.status == 202, answer.text
    return str(answer.json["call"])


def queue(server: AdminServer) -> CallQueue:
    return CallQueue(server.office.journal, lambda _: None)


def facts(page: str) -> dict[str, str]:
    """Return what a page of one call tells."""
    found = re.findall(r"<dt[^>]*>(.*?)</dt><dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {html.unescape(name): html.unescape(re.sub(r"<[^>]*>", "", value)).strip() for name, value in found}


def cancel(browser: Browser, out_id: str) -> str:
    """Send the form, and return what the page that follows tells."""
    answer = browser.post("/made/cancel", csrf=csrf_in(browser.get("/made").text), call=out_id)
    assert answer.status == 303, answer.text
    return browser.get(answer.headers["location"]).text


def test_calls_are_seen_newest_first_with_how_far_they_have_come(server: AdminServer) -> None:
    first, second = asked(server), asked(server, id="crm-7")
    kept = queue(server)
    now_at = SystemClock().now_at()
    call = kept.one(first)
    assert call is not None
    for state, seconds in ((State.SENDING, 0), (State.SENT, 1), (State.TALKING, 3), (State.ANSWERED, 65)):
        moved = call.moved(state, now_at + timedelta(seconds=seconds), cause=16 if state is State.ANSWERED else None)
        assert kept.change(call, moved)
        call = moved
    kept.close()
    browser = server.browser("vera")
    page = browser.get("/made").text
    assert re.findall(r'href="/made/([^"]+)"', page) == [second, first]
    assert re.findall(r'href="/made/([^"]+)"', browser.get("/made?state=answered").text) == [first]
    assert "1 min" in page
    told = facts(browser.get(f"/made/{first}").text)
    assert (told["Talked"], told["Cause (Q.850)"], told["crm"], told["text"]) == (
        "1 min",
        "16",
        "3D32599_CONTACT",
        "тест",
    )
    assert facts(browser.get(f"/made/{second}").text)["The CRM&#39;s id".replace("&#39;", "'")] == "crm-7"
    assert "Отменить" not in page


def test_one_that_waits_is_cancelled_once_and_the_log_has_it(server: AdminServer) -> None:
    out_id = asked(server)
    browser = server.browser("anna")
    page = cancel(browser, out_id)
    assert "The call will not be made." in page
    assert "it was cancelled in the console" in page
    kept = queue(server)
    call = kept.one(out_id)
    kept.close()
    assert call is not None
    assert call.state is State.CANCELLED
    entry = list_entries(server.file, 10)[0]
    assert (entry["who"], entry["action"], entry["target"], entry["outcome"]) == ("anna", "call cancel", out_id, "done")


def test_one_that_is_under_way_is_not_cancelled(server: AdminServer) -> None:
    out_id = asked(server)
    kept = queue(server)
    kept.take(SystemClock().now_at(), 10)
    kept.close()
    browser = server.browser("anna")
    assert ">Cancel<" not in browser.get(f"/made/{out_id}").text
    answer = browser.post("/made/cancel", csrf=csrf_in(browser.get("/made").text), call=out_id)
    assert answer.status == 409
    assert "waits no more" in answer.text
    assert list_entries(server.file, 10)[0]["outcome"].startswith("refused: the call")


def test_what_is_not_there_is_told(server: AdminServer) -> None:
    browser = server.browser("anna")
    assert browser.get("/made/none").status == 404
    assert browser.get("/made?state=x").status == 422
    assert browser.post("/made/cancel", csrf=csrf_in(browser.get("/made").text), call="none").status == 404


def test_where_no_calls_are_made_the_page_says_how_to_begin(tmp_path: Path) -> None:
    with AdminServer(tmp_path) as server:
        server.user("vera", "viewer")
        browser = server.browser("vera")
        page = browser.get("/made")
        assert (page.status, "calls.contexts" in page.text, "<table" in page.text) == (200, True, False)
        assert browser.get("/made/none").status == 404


def test_what_waits_says_what_it_waits_for(tmp_path: Path) -> None:
    waiting = {"background": {"calls": {"waiting": 2, "waits": "no connection"}}}
    with AdminServer(tmp_path, config=CONFIG, command=lambda _: {**STATUS, **waiting}) as server:
        server.user("vera", "viewer")
        page = html.unescape(server.browser("vera").get("/made").text)
    assert "2 calls of the CRM wait for Asterisk: no connection: see that Asterisk runs" in page
