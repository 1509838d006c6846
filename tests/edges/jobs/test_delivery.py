"""Events on their way from a real journal to a CRM on loopback: each answer, each fault, the order within a call."""

import asyncio
import os
import random
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fallbackrouter.core.breaker import State
from fallbackrouter.core.numbers import Number
from fallbackrouter.jobs.recordings import Recordings
from fallbackrouter.jobs.valve import RULES
from tests.fakes.crm import FakeCrm
from tests.fakes.outbox import Events, delivering, orders
from tests.fakes.until import until

pytestmark = pytest.mark.anyio
PATIENT = replace(RULES, in_row=10_000, window_requests=10_000)
"""A breaker that stays closed: the test is about something else."""


@pytest.fixture
def events(tmp_path: Path) -> Events:
    return Events(tmp_path / "journal.db")


async def test_every_event_arrives_once_and_in_order(events: Events) -> None:
    events.add(40, ("start", "transferred", "end_auto"))
    async with FakeCrm() as crm, delivering(events, crm.url) as it:
        await until(lambda: events.states() == {"delivered": 120}, "all are delivered")
        assert orders(list(crm.events.latest)) == {f"170.{n}": [1, 2, 3] for n in range(40)}
        assert crm.events.again == 0
        assert (it.delivery.delivered, it.delivery.tried, it.errors) == (120, 120, [])
    assert set(events.of("attempts")) == {1}
    assert None not in events.of("ended_at")


async def test_a_new_event_is_seen_while_nothing_else_happens(events: Events) -> None:
    async with FakeCrm() as crm, delivering(events, crm.url):
        await asyncio.sleep(1)
        events.add(1, ("start",))
        await until(lambda: len(crm.events.keys) == 1, "it is delivered")


@pytest.mark.parametrize("status", [400, 409, 410, 422])
async def test_a_refusal_is_kept_with_its_words_and_the_next_event_goes_on(events: Events, status: int) -> None:
    events.add(1)
    async with FakeCrm(mode=f"words:{status}:no such call") as crm, delivering(events, crm.url, max_rate=5):
        await until(lambda: "refused" in events.states(), "the first is refused")
        crm.mode = "ok"
        await until(lambda: "pending" not in events.states(), "the second is settled")
    assert events.of("answer")[0] == f"{status} no such call"
    assert events.of("state")[0] == "refused"


@pytest.mark.parametrize("status", ["301", "401", "403", "429", "500", "503"])
async def test_all_else_is_tried_again_and_the_call_s_next_event_waits(events: Events, status: str) -> None:
    events.add(1)
    async with FakeCrm(mode=status) as crm, delivering(events, crm.url, rules=PATIENT):
        await until(lambda: events.of("attempts")[0] >= 3, "a few tries")
        assert events.of("attempts")[1] == 0
        assert events.of("answer")[0].startswith(status)
        crm.mode = "ok"
        await until(lambda: events.states() == {"delivered": 2}, "both are delivered")
        assert orders(list(crm.events.latest)) == {"170.0": [1, 2]}


async def test_404_is_tried_again_until_it_was_said_for_an_hour(events: Events) -> None:
    events.add(1, ("start",))
    async with FakeCrm(mode="404") as crm, delivering(events, crm.url, chance=lambda: 0.5):
        await until(lambda: events.of("attempts")[0] >= 2, "a second try")
        await until(lambda: len(crm.requests) >= 3, "and its answer")
        assert events.states() == {"pending": 1}
        hour_ago_ms = events.of("missing_since")[0] - 3_600_000

        def refused() -> bool:
            # said again until it is heard: a try on its way settles with the moment that it knew
            events.run("UPDATE events SET missing_since = ? WHERE state = 'pending'", hour_ago_ms)
            return events.states() == {"refused": 1}

        await until(refused, "it is refused")


async def test_what_is_too_old_gets_a_last_try_and_is_dead(events: Events) -> None:
    events.add(2, age_s=100)
    async with FakeCrm(mode="500") as crm, delivering(events, crm.url, ttl_s=90, rules=PATIENT):
        await until(lambda: events.states() == {"dead": 4}, "all are dead")
        assert set(events.of("attempts")) == {1}
    assert len(crm.requests) == 4


async def test_one_that_we_cannot_spell_holds_up_no_other_and_ends_in_time(events: Events) -> None:
    def spell(number: Number) -> str:
        if number.raw == "666":
            raise ZeroDivisionError
        return number.raw

    events.add(3, age_s=100)
    events.run("UPDATE events SET caller = '666' WHERE call_key = '170.1' AND seq = 1")
    async with FakeCrm() as crm, delivering(events, crm.url, spell=spell, ttl_s=90) as it:
        await until(lambda: "pending" not in events.states(), "all are settled")
        assert events.states() == {"delivered": 5, "dead": 1}
        assert [type(error) for error in it.errors] == [ZeroDivisionError]
    assert "failed in our own code (ZeroDivisionError)" in events.of("answer")


async def test_one_that_the_crm_chokes_on_holds_up_no_other_for_long(events: Events) -> None:
    events.add(1, ("choking", "end_failed"))
    async with FakeCrm(mode="choke:choking") as crm, delivering(events, crm.url) as it:
        await until(lambda: it.changes, "the breaker opens, as nothing else is sent")
        events.add(30)
        await until(lambda: events.states() == {"delivered": 60, "pending": 2}, "all others are delivered")
        crm.mode = "ok"
        await until(lambda: events.states() == {"delivered": 62}, "and in the end that one")


async def test_a_hung_crm_is_left_after_a_while_and_holds_up_no_more_than_is_in_flight(events: Events) -> None:
    events.add(50, ("start",))
    async with FakeCrm(mode="hang") as crm, delivering(events, crm.url, max_in_flight=4, timeout_s=0.3) as it:
        await until(lambda: sum(events.of("attempts")) >= 5, "some were tried")
        assert crm.open_connections <= 5
        await until(lambda: it.changes, "the breaker opens")
        assert "no answer within 0.3 s" in it.changes[0].reason
        crm.mode = "ok"
        await until(lambda: events.states() == {"delivered": 50}, "all are delivered")
        assert it.errors == []


@pytest.mark.parametrize("mode", ["cut", "reset", "huge", "gzip_bomb"])
async def test_an_answer_that_cannot_be_read_counts_by_its_status(events: Events, mode: str) -> None:
    events.add(1, ("start",))
    async with FakeCrm(mode=mode) as crm, delivering(events, crm.url):
        await until(lambda: events.states() == {"delivered": 1}, "it is delivered")


async def test_an_answer_that_is_lost_costs_a_second_delivery_that_the_crm_knows_again(events: Events) -> None:
    events.add(1, ("start",))
    async with FakeCrm(mode="close") as crm, delivering(events, crm.url, rules=PATIENT):
        await until(lambda: crm.events.again >= 1, "it came again")
        crm.mode = "ok"
        await until(lambda: events.states() == {"delivered": 1}, "it is delivered")
        assert len(crm.events.keys) == 1


async def test_a_crm_that_is_down_meets_one_event_at_a_time_and_all_once_it_is_back(events: Events) -> None:
    events.add(100)
    async with FakeCrm(mode="503") as crm, delivering(events, crm.url) as it:
        await until(lambda: it.changes, "the breaker opens")
        before = len(crm.requests)
        await until(lambda: len(crm.requests) >= before + 2, "it is tried again")
        assert len(crm.requests) < 40
        crm.mode = "ok"
        await until(lambda: events.states() == {"delivered": 200}, "all are delivered")
        assert all(seqs == [1, 2] for seqs in orders(list(crm.events.latest)).values())
        assert [change.state for change in it.changes][:2] == [State.OPEN, State.HALF_OPEN]


async def test_in_order_through_any_weather(events: Events) -> None:
    events.add(60, ("start", "transferred", "end_auto"))
    weather = random.Random(7)
    quick = replace(PATIENT, probe_s=0.05, probe_cap_s=0.1)
    async with FakeCrm() as crm, delivering(events, crm.url, rules=quick, timeout_s=0.3) as it:
        async with asyncio.timeout(600):
            while events.states() != {"delivered": 180}:
                crm.mode = weather.choice(
                    ("ok", "503", "close", "reset", "cut", "404", "hang", "retry_after:0", "slow:0.05")
                )
                await asyncio.sleep(0.05)
        assert all(seqs == [1, 2, 3] for seqs in orders(list(crm.events.latest)).values())
        assert len(crm.events.keys) == 180
        assert it.errors == []


async def test_retry_after_is_obeyed_for_all_events_and_ended_by_a_person(events: Events) -> None:
    events.add(20, ("start",))
    async with FakeCrm(mode="retry_after:3600") as crm, delivering(events, crm.url, max_in_flight=2) as it:
        await until(lambda: it.valve.waits, "it waits")
        await asyncio.sleep(1)
        assert len(crm.requests) <= 2
        assert "asked to wait 3600 s" in it.valve.waits
        crm.mode = "ok"
        it.delivery.nudge()
        rest = {"delivered": 18, "pending": 2}
        await until(lambda: events.states() == rest, "those that are due are delivered, and the journal knows")
        assert len(crm.events.keys) == 18


async def test_no_more_than_the_rate_allows(events: Events) -> None:
    events.add(20, ("start",))
    async with FakeCrm() as crm, delivering(events, crm.url, max_rate=0.01):
        await until(lambda: crm.events.keys, "one is delivered")
        await asyncio.sleep(1)
        assert len(crm.events.keys) == 1


async def test_what_is_in_hand_when_it_stops_is_sent_again(events: Events) -> None:
    events.add(8, ("start",))
    async with FakeCrm(mode="hang") as crm:
        async with delivering(events, crm.url):
            await until(lambda: crm.met["hang"] == 8, "all are on their way")
        assert events.states() == {"pending": 8}
        assert set(events.of("attempts")) == {1}
        crm.mode = "ok"
        async with delivering(events, crm.url):
            await until(lambda: events.states() == {"delivered": 8}, "all are delivered")


async def test_a_recording_is_linked_once_it_is_complete(events: Events, tmp_path: Path) -> None:
    folder = tmp_path / "monitor"
    folder.mkdir()
    file = folder / "a b.wav"
    file.write_bytes(b"\0" * 44)
    events.add(1, ("end_auto",), link="a b.wav", billsec="97")
    recordings = Recordings(folder, "https://pbx.example/{path}", 600)
    async with FakeCrm() as crm, delivering(events, crm.url, recordings=recordings):
        await until(lambda: events.of("answer") == ["its recording is empty"], "it is waited for")
        assert not crm.requests
        file.write_bytes(b"\0" * 32_044)
        old_s = time.time() - 10  # noqa: TID251 - a file's time is the machine's
        os.utime(file, (old_s, old_s))
        await until(lambda: events.states() == {"delivered": 1}, "it is delivered")
        [told] = crm.events.latest
    assert told["link"] == "https://pbx.example/a%20b.wav"
    assert told["billsec"] == "97"
    assert "notes" not in told


async def test_a_path_that_names_no_file_is_left_out_and_noted(events: Events, tmp_path: Path) -> None:
    events.add(1, ("end_auto",), link="/.wav")
    async with FakeCrm() as crm, delivering(events, crm.url, recordings=Recordings(tmp_path, "", 600)):
        await until(lambda: events.states() == {"delivered": 1}, "it is delivered")
        [told] = crm.events.latest
    assert "link" not in told
    assert told["notes"] == ["the link names no file: left out"]
    assert events.of("answer")[0].endswith("the link names no file: left out")


async def test_a_journal_that_is_locked_is_waited_for_and_nothing_is_lost(events: Events) -> None:
    events.add(30, ("start",))
    lock = sqlite3.connect(events.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    async with FakeCrm() as crm, delivering(events, crm.url) as it:
        await until(lambda: it.troubles, "it says so")
        lock.execute("ROLLBACK")
        lock.close()
        await until(lambda: events.states() == {"delivered": 30}, "all are delivered")
        assert it.troubles[-1] == ""
        assert crm.events.again == 0
