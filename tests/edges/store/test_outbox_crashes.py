"""The outbox against a model of it, with the process killed between any two of its steps."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fallbackrouter.store.event_changes import drop_events, retry_events
from fallbackrouter.store.outbox import OutEvent, Settled
from tests.fakes.outgoing import Killed, MortalOutbox, add_events, ids, make_journal, stored
from tests.fakes.records import AT, an_event, an_id
from tests.proof.examples import examples

RETRY = timedelta(seconds=30)
STEP = timedelta(seconds=2)
"""Longer than a call in hand is left alone when it is found due."""
CALLS = ("a", "b", "c")
Killing = int | None
"""Before which statement the process dies; None: it lives."""
killings = st.none() | st.integers(0, 12)
Fate = Literal["delivered", "refused", "dead", "pending"]


@dataclass(slots=True)
class Known:
    """What the model knows of an event."""

    call: str
    due_at: datetime
    state: str = "pending"
    attempts: int = 0


class OutboxAgainstItsModel(RuleBasedStateMachine):
    """`known` is what must be on disk, in the order of writing; `in_hand` what a living process was given."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = make_journal(Path(self.folder.name, "journal.db"))
        self.outbox = MortalOutbox(self.path)
        self.known: dict[str, Known] = {}
        self.in_hand: dict[str, OutEvent] = {}
        self.now = AT.replace(microsecond=0)
        self.delivered: list[str] = []

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.restart()
        for _ in range(2 * len(self.known) + 2):
            self.now += timedelta(hours=2)
            for event in self.outbox.take(self.now, 100, busy=(), next_due=self.next_due):
                self.outbox.settle([Settled(event.event_id, "delivered", "", self.now)])
        assert not [row for row in stored(self.path) if row[1] == "pending"]
        self.outbox.close()
        self.folder.cleanup()

    def next_due(self, _event: OutEvent) -> datetime:
        return self.now + RETRY

    def restart(self) -> None:
        """A new process: what was in hand is forgotten."""
        self.outbox.close()
        self.outbox = MortalOutbox(self.path)
        self.in_hand.clear()

    def first_of(self, call: str) -> str | None:
        """Return the first event of a call that waits."""
        waiting = (name for name, one in self.known.items() if one.call == call and one.state == "pending")
        return next(waiting, None)

    def calls_in_hand(self) -> set[tuple[str, str]]:
        return {event.key for event in self.in_hand.values()}

    @rule(call=st.sampled_from(CALLS))
    def report(self, call: str) -> None:
        name = an_id(len(self.known) + 1)
        add_events(self.path, [an_event(len(self.known) + 1, call_id=call, linked_id="", at=self.now)])
        self.known[name] = Known(call, self.now)

    @rule()
    def a_long_time_passes(self) -> None:
        self.now += RETRY

    @rule(limit=st.integers(1, 4), killing=killings)
    def take(self, limit: int, killing: Killing) -> None:
        self.now += STEP
        busy = self.calls_in_hand()
        before = {name: one.attempts for name, one in self.known.items()}
        firsts = {call: self.first_of(call) for call in CALLS if ("pbx1", call) not in busy}
        due = [name for name in firsts.values() if name and self.known[name].due_at <= self.now]
        self.outbox.die_after(killing)
        try:
            taken = self.outbox.take(self.now, limit, busy=busy, next_due=self.next_due)
        except Killed:
            self.restart()
            self.learn_what_was_taken(set(due), limit)
            return
        self.outbox.die_after(None)
        assert set(ids(taken)) <= set(due)
        assert len(taken) == min(limit, len(due))
        for event in taken:
            assert event.attempts == before[event.event_id] + 1
            self.in_hand[event.event_id] = event
            self.note_try(event.event_id)

    def note_try(self, name: str) -> None:
        self.known[name].attempts += 1
        self.known[name].due_at = self.now + RETRY

    def learn_what_was_taken(self, due: set[str], limit: int) -> None:
        """All that was to be given out is noted as tried, or nothing is."""
        attempts = {name: count for name, _, count in stored(self.path)}
        tried = {name for name, one in self.known.items() if attempts[name] != one.attempts}
        assert tried <= due
        assert len(tried) in {0, min(limit, len(due))}
        for name in tried:
            self.note_try(name)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), killing=killings)
    def settle(self, data: st.DataObject, killing: Killing) -> None:
        names = data.draw(st.lists(st.sampled_from(sorted(self.in_hand)), min_size=1, unique=True))
        fates = [data.draw(st.sampled_from(["delivered", "refused", "dead", "pending"])) for _ in names]
        due_at = self.now + RETRY
        settled = [Settled(name, fate, fate, self.now, due_at) for name, fate in zip(names, fates, strict=True)]
        self.outbox.die_after(killing)
        try:
            self.outbox.settle(settled)
        except Killed:
            self.restart()
            states = {name: (state, answer) for name, state, answer in stored(self.path, "event_id, state, answer")}
            open_ones = [one for one in settled if self.known[one.event_id].state == "pending"]
            done = [one for one in open_ones if states[one.event_id] == (one.state, one.words)]
            changed = [one for one in done if one.state != "pending"]
            assert len(changed) in {0, len([one for one in open_ones if one.state != "pending"])}
            if changed or len(done) == len(open_ones):
                self.note_settled(settled)
            return
        self.outbox.die_after(None)
        self.note_settled(settled)
        for name in names:
            self.in_hand.pop(name)

    def note_settled(self, settled: list[Settled]) -> None:
        for one in settled:
            known = self.known[one.event_id]
            if known.state != "pending":
                continue
            known.state = one.state
            if one.state == "pending":
                known.due_at = one.due_at or known.due_at
            else:
                self.wake(known.call)

    def wake(self, call: str) -> None:
        first = self.first_of(call)
        if first:
            self.known[first].due_at = min(self.known[first].due_at, self.now)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def an_admin_drops_one(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.known)))
        known = self.known[name]
        expected = int(known.state not in {"delivered", "dropped"})
        assert drop_events(self.path, [name], self.now) == expected
        if expected:
            waited = known.state == "pending"
            known.state = "dropped"
            if waited:
                self.wake(known.call)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def an_admin_retries_one(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.known)))
        known = self.known[name]
        expected = int(known.state in {"refused", "dead"})
        assert retry_events(self.path, [name], self.now) == expected
        if expected:
            known.state, known.attempts, known.due_at = "pending", 0, self.now

    @invariant()
    def what_is_on_disk_is_what_must_be(self) -> None:
        if hasattr(self, "known"):
            found = {name: (state, attempts) for name, state, attempts in stored(self.path)}
            assert found == {name: (one.state, one.attempts) for name, one in self.known.items()}


TestOutbox = pytest.mark.filterwarnings("default")(OutboxAgainstItsModel.TestCase)
TestOutbox.settings = settings(
    max_examples=examples(60, full=60),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
