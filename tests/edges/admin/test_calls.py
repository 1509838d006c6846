"""*Calls*: looked for, watched as they come, and opened."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from tests.fakes.admin import AdminServer
from tests.fakes.filled import at_journal, put
from tests.fakes.records import AT, a_decision, an_event, an_id
from tests.fakes.sse import Listener


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminServer]:
    with AdminServer(tmp_path_factory.mktemp("admin")) as server:
        server.user("anna")
        server.user("vera", "viewer")
        yield server


@pytest.fixture
def server(shared: AdminServer) -> AdminServer:
    """With an empty journal."""
    with at_journal(shared.office.journal) as connection:
        connection.execute("DELETE FROM decisions")
        connection.execute("DELETE FROM events")
    return shared


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[AdminServer]:
    """One that nobody has watched before."""
    with AdminServer(tmp_path) as server:
        server.user("anna")
        yield server


def shown(text: str) -> list[str]:
    return re.findall(r'<tr id="call-([^"]+)"', text)


def place_in(text: str) -> str:
    return text.partition("/calls/stream?behind=")[2].partition('"')[0]


def test_calls_are_listed_newest_first_page_by_page(server: AdminServer) -> None:
    put(server.office.journal, *(a_decision(number, at=AT + timedelta(seconds=number)) for number in range(120)))
    browser, seen, path = server.browser("vera"), list[str](), "/calls"
    while path:
        page = browser.get(path)
        assert page.status == 200
        seen += shown(page.text)
        path = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == [an_id(number) for number in reversed(range(120))]


def test_filters_leave_out_what_is_not_wanted_and_stay_in_the_form(server: AdminServer) -> None:
    put(
        server.office.journal,
        a_decision(1),
        a_decision(2, did=server.office.read_number("78002000600")),
    )
    page = server.browser("anna").get("/calls?did=7800*&source=fallback&status=degraded")
    assert shown(page.text) == [an_id(2)]
    assert 'value="7800*"' in page.text
    assert "sse-connect" not in page.text, "what is looked for does not run away"


@pytest.mark.parametrize(
    "query", ["since=soon", "slow=fast", "source=crm", "before=x", "before=1.", "did=*", "rule=" + "x" * 201]
)
def test_a_filter_that_means_nothing_is_told(server: AdminServer, query: str) -> None:
    page = server.browser("anna").get(f"/calls?{query}")
    assert page.status == 422
    assert 'role="alert"' in page.text


def test_what_callers_bring_is_text_and_nothing_else(server: AdminServer) -> None:
    nasty = server.office.read_number('"><script>alert(1)</script>')
    put(server.office.journal, a_decision(1, caller=nasty))
    browser = server.browser("anna")
    for path in ("/calls", f"/calls/{an_id(1)}"):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_calls_come_by_themselves_each_once_and_none_is_missed(watched: AdminServer) -> None:
    now = SystemClock().now_at() - timedelta(minutes=1)
    put(watched.office.journal, *(a_decision(number, at=now) for number in range(3)))
    browser = watched.browser("anna")
    place = place_in(browser.get("/calls").text)
    # Recorded after the page was made, and before anybody listens.
    put(watched.office.journal, *(a_decision(number, at=now) for number in range(3, 5)))
    heard: list[str] = []
    with Listener(watched.port, f"/calls/stream?behind={place}", browser.cookies) as listener:
        heard += shown(listener.until(lambda event: event[0] == "calls")[1])
        put(watched.office.journal, a_decision(5, at=now))
        heard += shown(listener.until(lambda event: event[0] == "calls")[1])
        with Listener(watched.port, f"/calls/stream?behind={place}", browser.cookies) as late:
            assert set(shown(late.until(lambda event: event[0] == "calls")[1])) == {an_id(3), an_id(4), an_id(5)}
    assert heard == [an_id(4), an_id(3), an_id(5)]


def test_more_than_a_page_holds_are_left_out_and_counted(watched: AdminServer) -> None:
    browser = watched.browser("anna")
    now = SystemClock().now_at() - timedelta(minutes=1)
    put(watched.office.journal, a_decision(0, at=now))
    with Listener(watched.port, "/calls/stream?behind=0", browser.cookies) as listener:
        assert listener.until(lambda event: event[0] == "calls")
        put(watched.office.journal, *(a_decision(number, at=now) for number in range(1, 251)))
        assert listener.until(lambda event: event[0] == "lost")[1].startswith("50 calls were left out here")
        rows = shown(listener.until(lambda event: event[0] == "calls")[1])
    assert rows == [an_id(number) for number in range(250, 50, -1)]


@pytest.mark.parametrize("behind", ["x", "-1", "1" * 19])
def test_a_place_is_a_number(server: AdminServer, behind: str) -> None:
    assert server.browser("anna").get(f"/calls/stream?behind={behind}").status == 422


def test_a_call_opens_to_its_trail_its_events_and_today(server: AdminServer) -> None:
    put(server.office.journal, a_decision(1), an_event(2, decision_id=an_id(1)), an_event(3, stage="end_auto"))
    with at_journal(server.office.journal) as connection:
        connection.execute(
            """UPDATE events SET attempts = 3, answer = '503 try later', tried_at = at,
                tries = '[[1772445607100, 5000, "no answer within 5 s"]]' WHERE seq = 1"""
        )
    browser = server.browser("vera")
    page = browser.get(f"/calls/{an_id(1)}").text
    assert "no answer in 300 ms" in page
    assert "503 try later" in page
    assert "no answer within 5 s" in page
    assert "end_auto" in page
    assert page.count('class="part ') == 3, "a bar for each step"
    today = browser.send("GET", f"/calls/{an_id(1)}/today", headers={"HX-Request": "true"})
    assert today.status == 200
    assert "It would go another way." in today.text
    assert "<html" not in today.text
    whole = browser.get(f"/calls/{an_id(1)}/today").text
    assert "It would go another way." in whole
    assert "503 try later" in whole


def test_a_call_that_is_not_there_is_told(server: AdminServer) -> None:
    browser = server.browser("anna")
    assert browser.get("/calls/nosuch").status == 404
    assert browser.get("/calls/nosuch/today").status == 404
