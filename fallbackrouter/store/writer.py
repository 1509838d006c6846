"""The journal's writer: what its thread does, round by round.

Its rules:

- whatever waits is one transaction, so batches grow by themselves where the disk is slow; no row is waited for, but
  while rows come in numbers: each round of the thread costs the loop the interpreter lock for a moment;
- a disk that is full, locked or broken loses nothing: the batch stays in hand and is tried again, 0.05 s to 1 s
  apart, for as long as it takes; a row that is itself unfit is handed back, and the others go on;
- what nobody waits for is written behind what somebody waits for, and its failures hold nobody up;
- whatever happens, the thread lives.
"""

import sqlite3
import threading
from dataclasses import dataclass, field

from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.faults import is_of_the_store
from fallbackrouter.store.inbox import Inbox, Load, Stop, Waiting, drain
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.outlet import Outlet
from fallbackrouter.store.remembered import MAX_CHANGES, Change, RememberedEntry
from fallbackrouter.store.rows import Row
from fallbackrouter.store.statements import MAX_ROWS
from fallbackrouter.store.trouble import Trouble

POLL_S = 2.0
"""How often other workers' answers are looked for."""
_SETTLE_S = 0.05
"""How soon what nobody waits for is written; a decision's times come once its answer is out."""
_MANY = 3
_GATHER_S, _GATHER_A_ROW_S = 0.002, 0.000_2
"""How long a round waits after one with _MANY rows or more: the longer the more there were, and never for long. With 32
calls at a time that makes for a fifth more calls a second; at half of that rate calls hardly wait."""
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_FAULTS = (sqlite3.Error, OSError, StoreError)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError | StoreError) or is_of_the_store(error)


@dataclass(slots=True)
class _Held:
    """What nobody waits for, taken from the inbox and not written yet."""

    times: list[Row] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    incidents: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.times or self.changes or self.incidents)


class Writer:
    """The thread's work, from its start to Stop.

    Attributes:
        hurry: set when the journal is being closed: pauses end early.
        given_up: set when nobody waits for the thread any more: it writes nothing further.
    """

    def __init__(self, file: JournalFile, inbox: Inbox, outlet: Outlet, clock: Clock) -> None:
        self.hurry = threading.Event()
        self.given_up = threading.Event()
        self._file = file
        self._inbox = inbox
        self._outlet = outlet
        self._clock = clock
        self._loads: list[Load] = []
        self._held = _Held()
        self._writing = Trouble("writing the journal", outlet.note)
        self._adding = Trouble("writing times, remembered answers or incidents", outlet.note)
        self._reading = Trouble("reading remembered answers", outlet.note)
        self._looking = Trouble("looking for other workers' answers", outlet.note)
        self._wrote = False
        self._gather_s = 0.0
        self._later_s = self._look_s = clock.now_s()

    def run(self) -> None:
        """Work until Stop; the thread's target."""
        stopped = False
        while not stopped and not self.given_up.is_set():
            try:
                stopped = self._round()
            except Exception as error:  # noqa: BLE001 - a fault nobody foresaw must not end the record of all calls
                self._writing.met(error)
                self._pause()
        self._finish()
        self._file.close()
        self._outlet.ended()

    def _round(self) -> bool:
        batch, stopped = self._take()
        self._inbox.in_hand = batch
        self._write(batch)
        self._inbox.in_hand = []
        self._wrote = bool(batch)
        self._gather_s = min(_GATHER_S, _GATHER_A_ROW_S * len(batch)) if len(batch) >= _MANY else 0.0
        self._answer_loads()
        now_s = self._clock.now_s()
        if now_s >= self._later_s:
            self._later_s = now_s + _SETTLE_S
            self._write_later()
        if now_s >= self._look_s:
            self._look_s = now_s + POLL_S
            self._look()
        return stopped

    def _take(self) -> tuple[list[Waiting], bool]:
        """Wait for something to do, and take all that is there; True: Stop was among it."""
        batch: list[Waiting] = []
        if self._gather_s:
            self.hurry.wait(self._gather_s)
        item = self._inbox.next(self._patience_s())
        while item is not None:
            if isinstance(item, Stop):
                return batch, True
            if isinstance(item, Load):
                self._loads.append(item)
            else:
                batch.append(item)
            item = self._inbox.oldest() if len(batch) < MAX_ROWS else None
        return batch, False

    def _patience_s(self) -> float:
        if self._wrote or self._loads or self._held or self._inbox.later:
            return _SETTLE_S
        return max(0.0, self._look_s - self._clock.now_s())

    def _write(self, batch: list[Waiting]) -> None:
        """Write a batch, however long it takes; a row that is unfit is found by writing them one by one."""
        while batch and not self.given_up.is_set():
            try:
                self._file.write([waiting.what for waiting in batch])
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a row, the others have to be written
                if _may_pass(error):
                    self._file.recover(error)
                    self._writing.met(error, f", {self._inbox.pending} rows wait")
                    self._pause()
                    continue
                if len(batch) == 1:
                    self._outlet.refuse(batch[0], f"a row of the journal could not be written: {error}")
                else:
                    self._write_singly(batch)
            else:
                self._outlet.recorded(batch)
                self._writing.over()
            return

    def _write_singly(self, batch: list[Waiting]) -> None:
        for waiting in batch:
            self._write([waiting])

    def _pause(self) -> None:
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(self._writing.failures - 1, 10))
        if self.hurry.is_set():
            self.given_up.wait(_FIRST_PAUSE_S)
        else:
            self.hurry.wait(pause_s)

    def _answer_loads(self) -> None:
        while self._loads:
            entries: list[RememberedEntry] = []
            try:
                entries = self._file.load_remembered(self._loads[0].limit)
            except Exception as error:  # noqa: BLE001 - a cache that cannot be read is an empty one
                self._file.recover(error)
                self._reading.met(error)
                if _may_pass(error):
                    return
            else:
                self._reading.over()
            self._outlet.loaded(self._loads.pop(0), entries)

    def _write_later(self) -> bool:
        """Write what nobody waits for; False: it could not be written now, and is held for the next time."""
        if not self._held:
            self._held = self._next_held()
        try:
            if self._held:
                self._file.write_later(self._held.times, self._held.changes, self._held.incidents)
                self._adding.over()
        except Exception as error:  # noqa: BLE001 - nobody waits for these rows, and they may hold nobody up
            self._file.recover(error)
            self._adding.met(error)
            if _may_pass(error):
                self._later_s = self._clock.now_s() + _LONGEST_PAUSE_S
                return False
        self._held = _Held()
        return True

    def _next_held(self) -> _Held:
        inbox = self._inbox
        return _Held(drain(inbox.times, MAX_ROWS), drain(inbox.changes, MAX_ROWS), drain(inbox.incidents, MAX_ROWS))

    def _look(self) -> None:
        """Hear of what other workers remembered, and see that the file is still the one that lies there."""
        try:
            changes = self._file.changes()
        except _FAULTS as error:
            self._file.recover(error)
            self._looking.met(error)
            return
        self._looking.over()
        self._outlet.remembered(changes)
        if len(changes) == MAX_CHANGES:
            self._look_s = self._clock.now_s()

    def _finish(self) -> None:
        """Write what is left of what nobody waits for, unless the disk is in the way."""
        while not self.given_up.is_set() and (self._held or self._inbox.later):
            if not self._write_later():
                break
        for load in self._loads:
            self._outlet.loaded(load, [])
