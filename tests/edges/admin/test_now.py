"""*Now*: the sentence, the flow, the times and the parts, as a page and as they change."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import ControlError
from tests.fakes.admin import STATUS, AdminServer
from tests.fakes.filled import put
from tests.fakes.records import a_decision
from tests.fakes.sse import Listener

RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AdminServer]:
    with AdminServer(tmp_path) as server:
        server.user("anna")
        yield server


def took(journal: Path, ms: float) -> None:
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("UPDATE decisions SET ms = ? WHERE ms IS NULL", (ms,))


def test_without_calls_it_says_so(server: AdminServer) -> None:
    page = server.browser("anna").get("/")
    assert page.status == 200
    assert '<html lang="en">' in page.text
    assert "No CRM is configured: no calls meanwhile." in page.text


def test_it_speaks_russian_to_a_russian_browser(server: AdminServer) -> None:
    put(server.office.journal, *(a_decision(number, at=SystemClock().now_at()) for number in range(3)))
    page = server.browser("anna").send("GET", "/", headers=RUSSIAN)
    assert '<html lang="ru">' in page.text
    assert "CRM не настроена: 3 звонка направлены по правилам." in page.text


def test_calls_are_counted_by_tier_and_span(server: AdminServer) -> None:
    now = SystemClock().now_at()
    put(
        server.office.journal,
        *(a_decision(number, at=now) for number in range(7)),
        *(a_decision(100 + number, at=now - timedelta(minutes=8)) for number in range(2)),
        a_decision(900, at=now, test=True),
    )
    took(server.office.journal, 42.0)
    text = server.browser("anna").get("/").text
    rules = text.partition('class="tier fallback">')[2].partition("</table>")[0]
    assert [cell.partition("<")[0] for cell in rules.split('class="num count">')[1:]][:2] == ["7", "9"]
    assert "100 %" in rules
    sums = text.partition('<table class="sums">')[2].partition("</table>")[0]
    assert "44 ms" in sums, "of a bucket its upper end"


def test_a_day_is_counted_little_by_little_and_told_when_it_is_whole(server: AdminServer) -> None:
    now = SystemClock().now_at()
    put(
        server.office.journal, *(a_decision(number, at=now - timedelta(hours=number, minutes=5)) for number in range(9))
    )
    browser = server.browser("anna")
    with Listener(server.port, "/now/stream", browser.cookies) as listener:
        flow = listener.until(lambda event: event[0] == "flow" and "(still counting)" not in event[1])[1]
    counts = flow.partition('class="tier fallback">')[2].partition("</table>")[0].split('class="num count">')[1:]
    assert counts[2].startswith("9<")


def test_what_comes_is_told_to_all_who_look(server: AdminServer) -> None:
    browsers = [server.browser("anna"), server.browser("anna")]
    listeners = [Listener(server.port, "/now/stream", one.cookies, RUSSIAN) for one in browsers]
    for listener in listeners:
        assert listener.until(lambda event: event[0] == "sentence")
    put(server.office.journal, a_decision(1, at=SystemClock().now_at()))
    for listener in listeners:
        with listener:
            assert listener.until(lambda event: event[0] == "sentence" and "1 звонок направлен" in event[1])


def test_times_are_told_for_the_chart(server: AdminServer) -> None:
    put(server.office.journal, *(a_decision(number, at=SystemClock().now_at()) for number in range(4)))
    took(server.office.journal, 250.0)
    browser = server.browser("anna")
    for last, length in (("hour", 61), ("day", 145)):
        table: dict[str, Any] = json.loads(browser.get(f"/now/times?last={last}").text)
        assert {len(column) for column in table.values()} == {length}
        assert [ms for ms in table["p99"] if ms is not None] == [260.0]
    assert browser.get("/now/times?last=year").status == 422


def test_a_service_that_does_not_answer_is_told(tmp_path: Path) -> None:
    def silent(_: Any) -> Any:
        raise ControlError("nobody answers")

    with AdminServer(tmp_path, command=silent) as server:
        server.user("anna")
        page = server.browser("anna").get("/")
        assert page.status == 200
        assert "does not answer its own control socket" in page.text


def test_a_journal_that_cannot_be_read_is_told_and_the_parts_all_the_same(server: AdminServer) -> None:
    server.office.journal.unlink()
    page = server.browser("anna").get("/")
    assert page.status == 200
    assert "The journal cannot be read" in page.text
    assert "Call workers" in page.text


def test_the_crm_s_outage_is_one_sentence(tmp_path: Path) -> None:
    clock = SystemClock()
    since = clock.now_at() - timedelta(minutes=3)
    down = {
        **STATUS,
        "crm": "https://crm.test/",
        "breaker": {"state": "open", "share": 0.0, "reason": "5 of 5 questions failed"},
        "parts": [
            {
                "part": "crm",
                "state": "failing",
                "since": since.isoformat(),
                "reason": "5 of 5 questions failed; calls go by what is known locally",
                "todo": "see that the CRM answers: `fallbackrouter doctor`; it is asked again by itself once it does",
            },
        ],
    }
    with AdminServer(tmp_path, command=lambda _: down) as server:
        server.user("anna")
        put(server.office.journal, *(a_decision(number, at=clock.now_at()) for number in range(12)))
        page = server.browser("anna").get("/").text
        assert "CRM down for 3 min: 12 calls routed by rules." in page
        assert "5 of 5 questions failed" in page
        russian = server.browser("anna").send("GET", "/", headers=RUSSIAN).text
        assert "CRM не отвечает 3 мин: 12 звонков направлены по правилам." in russian
