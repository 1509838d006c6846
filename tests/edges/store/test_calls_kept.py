"""What is kept of calls that the CRM had made: for how long, and without the numbers once they are to be hidden."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.core.outcall import OutCall, State
from fallbackrouter.numbering import Numbering
from fallbackrouter.office.call_ends import end_teller
from fallbackrouter.store.calls import CallQueue
from fallbackrouter.store.masking import Hide, masked, pseudonym
from tests.edges.store.test_upkeep import MUCH, run, upkeep
from tests.fakes.clock import FakeClock
from tests.fakes.filled import DAY, at_journal, count, put
from tests.fakes.records import AT, a_decision, a_made_call

NUMBER = "9507533333"
HIDES = {"mask": masked, "hash": pseudonym(b"secret")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with at_journal(tmp_path / "journal.db"):
        return tmp_path / "journal.db"


def keep(path: Path, *calls: OutCall, ended: bool = True) -> None:
    """Have calls asked for, sent and ended, as the service does, but all at the moment that each was asked for."""
    queue = CallQueue(path, end_teller(Numbering("RU").read, "call_ended", FakeClock()))
    for call in calls:
        queue.ask(call, max_per_minute=1000, max_waiting=1000)
        if ended:
            taken, _ = queue.take(call.at, 1)
            assert [one.out_id for one in taken] == [call.out_id]
            queue.change(taken[0], taken[0].moved(State.BUSY, call.at, cause=17, reason=f"{NUMBER} is busy"))
    queue.close()


def delivered(path: Path) -> None:
    """Have the CRM told of all that ended."""
    with at_journal(path) as journal:
        journal.execute("UPDATE events SET state = 'delivered', ended_at = at")


def everything(path: Path) -> str:
    """All that the two tables hold, as one text."""
    with closing(sqlite3.connect(path)) as journal:
        return repr([journal.execute(f"SELECT * FROM {table}").fetchall() for table in ("out_calls", "events")])  # noqa: S608 - our own


@pytest.mark.parametrize("hide", HIDES.values(), ids=HIDES)
def test_every_number_of_a_made_call_and_of_its_event_is_hidden(path: Path, hide: Hide) -> None:
    old = AT - 9 * DAY
    keep(
        path,
        a_made_call(
            1, at=old, variables=(("line", "+7 (950) 753-33-33"), ("queue", "1")), caller_name="Иван 9507533333"
        ),
        a_made_call(2, at=old, channel=f"Local/8{NUMBER}@out", exten="100", numbers=(f"8{NUMBER}", "100")),
    )
    delivered(path)
    assert NUMBER in everything(path)
    run(upkeep(path, hide=hide, hide_after=2 * DAY))
    once = everything(path)
    for number in (NUMBER, "753-33-33", "4951111111"):
        assert number not in once
    assert "Local/632@inbound" in once
    queue = CallQueue(path, lambda _: None)
    (second, first) = queue.newest(9)
    assert (first.wanted.context, first.wanted.channel, first.cause) == ("outbound", "Local/632@inbound", 17)
    assert first.wanted.exten == second.wanted.channel.partition("/")[2].partition("@")[0]
    queue.close()
    with at_journal(path) as journal:
        journal.execute("DELETE FROM progress")
    run(upkeep(path, hide=hide, hide_after=2 * DAY))
    assert everything(path) == once


def test_a_pseudonym_is_that_of_the_same_number_s_own_calls(path: Path) -> None:
    put(path, a_decision(7, at=AT - 9 * DAY, caller=Numbering("RU").read("8 950 753-33-33")))
    keep(path, a_made_call(1, at=AT - 9 * DAY))
    run(upkeep(path, hide=pseudonym(b"secret"), hide_after=DAY))
    with at_journal(path) as journal:
        ((caller,),) = journal.execute("SELECT caller FROM decisions").fetchall()
        assert journal.execute("SELECT exten FROM out_calls").fetchall() == [(caller,)]


def test_numbers_stay_while_they_are_needed_and_young(path: Path) -> None:
    keep(path, a_made_call(1, at=AT - 9 * DAY), ended=False)
    keep(path, a_made_call(2, at=AT - DAY), ended=False)
    before = everything(path)
    run(upkeep(path, hide_after=2 * DAY))
    assert everything(path) == before


def test_a_call_goes_by_its_end_and_never_before_it(path: Path) -> None:
    keep(path, a_made_call(1, at=AT - 20 * DAY), a_made_call(2, at=AT - 3 * DAY))
    keep(path, a_made_call(3, at=AT - 30 * DAY), ended=False)
    run(upkeep(path, keep=10 * DAY))
    with at_journal(path) as journal:
        left = journal.execute("SELECT out_id FROM out_calls ORDER BY out_id").fetchall()
    assert left == [(a_made_call(2).out_id,), (a_made_call(3).out_id,)]


def test_calls_make_room_too_but_for_those_whose_id_may_be_asked_for_again(path: Path) -> None:
    lately = AT - timedelta(hours=2)
    keep(path, *(a_made_call(number, at=AT - 5 * DAY, crm_id=f"a{number}") for number in range(1, 30)))
    keep(path, a_made_call(90, at=lately, crm_id="again"))
    keep(path, a_made_call(91, at=AT - 40 * DAY), ended=False)
    delivered(path)
    run(upkeep(path, max_bytes=1))
    assert count(path, "out_calls") == 2
    queue = CallQueue(path, lambda _: None)
    same, new = queue.ask(a_made_call(92, crm_id="again"), max_per_minute=9, max_waiting=9)
    assert (same.out_id, new) == (a_made_call(90).out_id, False)
    queue.close()
    run(upkeep(path, free=10, min_free_bytes=MUCH))
    assert count(path, "out_calls", "ended_at IS NOT NULL") == 1
