"""The queue of calls against a model of it and of the exchange, with the process killed between any two steps."""

import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Event
from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.outcall import ENDS, MOVES, OutCall, State, Wanted
from fallbackrouter.store.calls import CallQueue, OtherCallError, TooManyError
from tests.fakes.outgoing import Killed, Mortal, make_journal
from tests.fakes.records import AT, an_id

WANTED = Wanted("Local/632@inbound", "outbound", "7495", "1", "", "", (("crm", "1"),), 30, ("632", "7495"))
LASTS = timedelta(seconds=60)
Killing = int | None
"""Before which statement the process dies; None: it lives."""
killings = st.none() | st.integers(0, 10)


def _tell(call: OutCall) -> Event:
    about = Call(did=read_number("632", None), call_id=call.out_id, linked_id=call.out_id, stage="call_ended")
    return Event(f"e-{call.out_id}", call.ended_at or AT, call.node, about)


class MortalQueue(CallQueue):
    """A queue that can be killed."""

    def die_after(self, statements: int | None) -> None:
        connection = self._open()
        assert isinstance(connection, Mortal)
        connection.left = statements

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None, factory=Mortal)
        return self._connection


class QueueAgainstItsModel(RuleBasedStateMachine):
    """`orders` are those that reached the exchange: whatever dies, no call's is there twice, or late."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = make_journal(Path(self.folder.name, "journal.db"))
        self.queue = MortalQueue(self.path, _tell)
        self.now = AT.replace(microsecond=0)
        self.asked: dict[str, OutCall] = {}
        self.tried = 0
        self.held: dict[str, OutCall] = {}
        self.orders: list[str] = []
        self.ended: dict[str, str] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.queue.close()
            self.folder.cleanup()

    def killed(self) -> None:
        """A new process: what was in its hands is forgotten, and what the journal has is taken up again."""
        self.queue.close()
        self.queue = MortalQueue(self.path, _tell)
        self.held = {call.out_id: call for call in self.queue.open()}

    @rule(number=st.integers(1, 6), killing=killings)
    def ask(self, number: int, killing: Killing) -> None:
        crm_id = f"c{number}"
        self.tried += 1
        call = OutCall(an_id(self.tried), self.now, "pbx1", "crm", crm_id, WANTED, self.now + LASTS)
        self.queue.die_after(killing)
        try:
            got, new = self.queue.ask(call, max_per_minute=1_000, max_waiting=1_000)
        except Killed:
            self.killed()
            if self.queue.one(call.out_id) is not None:
                self.asked[crm_id] = call
            return
        self.queue.die_after(None)
        assert new == (crm_id not in self.asked)
        self.asked.setdefault(crm_id, call)
        assert got.out_id == self.asked[crm_id].out_id

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(limit=st.integers(0, 3), killing=killings, dies=st.booleans())
    def send(self, limit: int, killing: Killing, dies: bool) -> None:
        self.queue.die_after(killing)
        try:
            taken, _ = self.queue.take(self.now, limit)
        except Killed:
            self.killed()
            return
        self.queue.die_after(None)
        for call in taken:
            assert call.not_after >= self.now
            self.orders.append(call.out_id)
            self.held[call.out_id] = call
        if dies:  # between sending and noting
            self.killed()

    @precondition(lambda self: any(out_id in self.orders for out_id in self.sending()))
    @rule(data=st.data())
    def it_was_surely_not_sent(self, data: st.DataObject) -> None:
        out_id = data.draw(st.sampled_from([out_id for out_id in self.sending() if out_id in self.orders]))
        call = self.held.pop(out_id)
        self.orders.remove(out_id)  # the connection was gone before a byte of it was written
        assert self.queue.change(call, call.moved(State.WAITING, self.now))

    def sending(self) -> list[str]:
        return sorted(out_id for out_id, call in self.held.items() if call.state is State.SENDING)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), killing=killings)
    def news(self, data: st.DataObject, killing: Killing) -> None:
        call = self.held[data.draw(st.sampled_from(sorted(self.held)))]
        possible = sorted(MOVES[call.state] - {State.WAITING})
        changed = call.moved(data.draw(st.sampled_from(possible)), self.now, cause=16, reason="so it was")
        self.queue.die_after(killing)
        try:
            assert self.queue.change(call, changed)
        except Killed:
            self.killed()
            return
        self.queue.die_after(None)
        self.held[call.out_id] = changed
        if changed.state in ENDS:
            del self.held[call.out_id]

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def an_admin_cancels(self, data: st.DataObject) -> None:
        call = self.asked[data.draw(st.sampled_from(sorted(self.asked)))]
        found = self.queue.one(call.out_id)
        assert found is not None
        if found.state in {State.WAITING, State.CANCELLED}:
            assert self.queue.cancel(call.out_id, self.now, "by hand").state is State.CANCELLED
        else:
            with pytest.raises(StoreError, match="waits no more"):
                self.queue.cancel(call.out_id, self.now, "by hand")

    @invariant()
    def no_call_is_sent_twice_and_every_end_is_told_once(self) -> None:
        if not hasattr(self, "asked"):
            return
        assert len(self.orders) == len(set(self.orders))
        with closing(sqlite3.connect(self.path)) as journal:
            states = dict(journal.execute("SELECT out_id, state FROM out_calls").fetchall())
            told = [row[0] for row in journal.execute("SELECT call_id FROM events").fetchall()]
        assert set(states) == {call.out_id for call in self.asked.values()}
        assert sorted(told) == sorted(out_id for out_id, state in states.items() if state in ENDS)
        assert all(states[out_id] == state for out_id, state in self.ended.items())
        self.ended = {out_id: state for out_id, state in states.items() if state in ENDS}
        assert not [out_id for out_id in self.orders if states[out_id] in {"waiting", "expired", "cancelled"}]


TestQueue = pytest.mark.filterwarnings("default")(QueueAgainstItsModel.TestCase)
TestQueue.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def _call(number: int, crm_id: str = "", owner: str = "crm", wanted: Wanted = WANTED) -> OutCall:
    return OutCall(an_id(number), AT, "pbx1", owner, crm_id, wanted, AT + LASTS)


def test_an_id_is_its_owners_and_means_one_call(tmp_path: Path) -> None:
    queue = CallQueue(make_journal(tmp_path / "journal.db"), _tell)
    queue.ask(_call(1, "a"), max_per_minute=10, max_waiting=10)
    again, new = queue.ask(_call(2, "a"), max_per_minute=10, max_waiting=10)
    assert (again.out_id, new) == (an_id(1), False)
    assert queue.ask(_call(3, "a", owner="other"), max_per_minute=10, max_waiting=10)[1]
    other = Wanted("Local/1@x", "y", "1", "1", "", "", (), 30)
    with pytest.raises(OtherCallError, match="another call"):
        queue.ask(_call(4, "a", wanted=other), max_per_minute=10, max_waiting=10)
    queue.close()


def test_too_many_calls_are_refused(tmp_path: Path) -> None:
    queue = CallQueue(make_journal(tmp_path / "journal.db"), _tell)
    queue.ask(_call(1), max_per_minute=1, max_waiting=9)
    with pytest.raises(TooManyError, match="max_per_minute"):
        queue.ask(_call(2), max_per_minute=1, max_waiting=9)
    queue.ask(_call(3, owner="other"), max_per_minute=1, max_waiting=9)
    with pytest.raises(TooManyError, match="max_waiting"):
        queue.ask(_call(4, owner="third"), max_per_minute=1, max_waiting=2)
    queue.close()
