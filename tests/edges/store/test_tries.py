"""What is kept of each try to tell an event: for the admin who asks what the CRM said all night."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fallbackrouter.store.event_changes import retry_events
from fallbackrouter.store.events_read import show_event
from fallbackrouter.store.opened import opened
from fallbackrouter.store.outbox import Outbox, Settled
from fallbackrouter.store.outbox_sql import MOST_TRIES
from tests.fakes.outgoing import make_journal, stored
from tests.fakes.records import AT, an_event, an_id

LATER = AT.replace(microsecond=0) + timedelta(minutes=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_journal(tmp_path / "journal.db", [an_event(1)])


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(Outbox(path)) as made:
        yield made


def tried(outbox: Outbox, at: datetime, state: str, words: str) -> None:
    """Try once, for 2 s."""
    (event,) = outbox.take(at, 1, busy=(), next_due=lambda _: at)
    outbox.settle([Settled(event.event_id, state, words, at + timedelta(seconds=2), at)])


def told(path: Path) -> list[tuple[str, int, str]]:
    event = asyncio.run(show_event(path, an_id(1)))
    assert event is not None
    return [(one["at"], one["took_ms"], one["answer"]) for one in event["tries"]]


def test_each_try_that_is_not_the_last_is_kept(path: Path, outbox: Outbox) -> None:
    tried(outbox, LATER, "pending", '503 "try" later')
    tried(outbox, LATER + timedelta(seconds=10), "pending", "no answer within 2 s")
    tried(outbox, LATER + timedelta(seconds=20), "delivered", "200")
    assert told(path) == [
        ("2026-03-02T10:01:00.000Z", 2000, '503 "try" later'),
        ("2026-03-02T10:01:10.000Z", 2000, "no answer within 2 s"),
    ]
    assert stored(path, "answer, attempts") == [("200", 3)], "the last one is told by the event itself"


def test_an_event_that_is_told_at_once_keeps_no_tries(path: Path, outbox: Outbox) -> None:
    tried(outbox, LATER, "delivered", "200")
    assert stored(path, "tries") == [("[]",)]


def test_only_the_latest_tries_are_kept(path: Path, outbox: Outbox) -> None:
    for number in range(MOST_TRIES + 5):
        tried(outbox, LATER + timedelta(seconds=10 * number), "pending", f"503 {number}")
    assert [words for _, _, words in told(path)] == [f"503 {number}" for number in range(5, MOST_TRIES + 5)]


def test_what_gave_an_event_up_stays_known_when_it_is_retried(path: Path, outbox: Outbox) -> None:
    tried(outbox, LATER, "refused", "410 gone")
    assert told(path) == []
    retry_events(path, [an_id(1)], LATER + timedelta(hours=1))
    assert told(path) == [("2026-03-02T10:01:00.000Z", 2000, "410 gone")]


def test_an_event_that_expired_untried_is_retried_with_a_try_without_a_beginning(path: Path, outbox: Outbox) -> None:
    outbox.expire(LATER, LATER, "too old", 10)
    retry_events(path, [an_id(1)], LATER)
    event = asyncio.run(show_event(path, an_id(1)))
    assert event is not None
    assert event["tries"] == [{"at": None, "took_ms": None, "answer": "too old"}]


def test_a_clock_that_goes_back_makes_no_time_negative(path: Path, outbox: Outbox) -> None:
    outbox.take(LATER, 1, busy=(), next_due=lambda _: LATER)
    outbox.settle([Settled(an_id(1), "pending", "503", LATER - timedelta(hours=1))])
    assert told(path) == [("2026-03-02T10:01:00.000Z", 0, "503")]


def test_damaged_tries_hold_up_no_event(path: Path, outbox: Outbox) -> None:
    with opened(path) as connection:
        connection.execute("UPDATE events SET tries = '[[17'")
    assert told(path) == []
    tried(outbox, LATER, "pending", "503")
    (kept,) = stored(path, "tries")
    assert [words for _, _, words in json.loads(kept[0])] == ["503"]
