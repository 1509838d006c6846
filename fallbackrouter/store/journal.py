"""The journal as call workers use it: every decision and event on record, without the loop ever waiting for a disk.

Its rules:

- a record is a queue entry and a future; encoding, writing and waiting happen in a thread named "journal";
- the future says True once the row is committed, False if it never will be by this writer, and is never an exception;
  who waits for it may give it the result False and go on, the row is tried all the same;
- when more than `max_pending` wait, the oldest that the thread has not in hand is handed to `on_overflow`, so that
  it can be logged in full: memory is bounded whatever the disk does;
- all callbacks run in the loop.

Source: docs/journal.md.
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from fallbackrouter.clock import Clock, SystemClock
from fallbackrouter.core.decision import Decision, Event, Times
from fallbackrouter.store.inbox import Inbox, Item, Load, Stop, Waiting
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.outlet import Outlet
from fallbackrouter.store.remembered import Change, Forgotten, RememberedEntry
from fallbackrouter.store.rows import times_row
from fallbackrouter.store.writer import Writer

OnOverflow = Callable[[Decision | Event], None]


class JournalWriter:
    """One process's way into journal.db.

    Args:
        path: journal.db; where it is missing or damaged, the thread makes it anew.
        max_pending: the most decisions and events that wait in memory.
        on_note: plain words on the state of the journal, for the log; they hold no numbers of callers.
        on_overflow: a decision or event that is not recorded and will not be; to be logged in full.
        on_remembered: what other workers remembered or forgot, within seconds; None: not of interest.
        max_stale_s: how long answers are remembered at all.
        routed: the stage of the event that is kept beside each decision that the CRM did not make; "": none.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pending: int = 20_000,
        on_note: Callable[[str], None],
        on_overflow: OnOverflow,
        on_remembered: Callable[[list[Change]], None] | None = None,
        max_stale_s: float = 86_400,
        routed: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._path = path
        self._max_pending = max_pending
        self._on_note = on_note
        self._on_overflow = on_overflow
        self._on_remembered = on_remembered
        self._max_stale_s = max_stale_s
        self._routed = routed
        self._clock = clock or SystemClock()
        self._inbox = Inbox()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: Writer | None = None
        self._ended = asyncio.Event()
        self._closed = False
        self._waking = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the thread; opens the file there, so that a hanging disk does not hang the start."""
        self._loop = loop
        outlet = Outlet(
            loop,
            on_note=self._on_note,
            on_refused=self._give_up,
            on_remembered=self._on_remembered,
            on_ended=self._ended.set,
        )
        file = JournalFile(self._path, self._clock, outlet.note, self._max_stale_s, routed=self._routed)
        self._writer = Writer(file, self._inbox, outlet, self._clock)
        threading.Thread(target=self._writer.run, name="journal", daemon=True).start()

    @property
    def pending(self) -> int:
        """How many decisions and events are not recorded."""
        return self._inbox.pending

    @property
    def lag_s(self) -> float:
        """For how long the record that has waited longest has, in seconds; 0 where none waits."""
        oldest_at = self._inbox.oldest_at()
        return max(0.0, (self._clock.now_at() - oldest_at).total_seconds()) if oldest_at else 0.0

    def record_decision(self, decision: Decision) -> asyncio.Future[bool]:
        """Record a decision; its times are read when it is written, those still missing come by `record_times`."""
        return self._record(decision)

    def record_event(self, event: Event) -> asyncio.Future[bool]:
        """Record an event, as the next of its call."""
        return self._record(event)

    def _record(self, what: Decision | Event) -> asyncio.Future[bool]:
        waiting = Waiting(what, self._running().create_future())
        if self._closed:
            self._give_up(waiting)
            return waiting.future
        self._put(waiting)
        while self._inbox.waiting > self._max_pending:
            self._hand_out(self._inbox.oldest())
        return waiting.future

    def _put(self, item: Item) -> None:
        """Queue something, and wake the thread once this turn of the loop is over."""
        self._inbox.put(item)
        if not self._waking:
            self._waking = True
            self._running().call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._inbox.wake()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the journal has not been started")
        return self._loop

    def _hand_out(self, item: Item | None) -> None:
        if isinstance(item, Waiting):
            self._give_up(item)
        elif isinstance(item, Load) and not item.future.done():
            item.future.set_result([])

    def _give_up(self, waiting: Waiting) -> None:
        if not waiting.future.done():
            waiting.future.set_result(False)
        self._on_overflow(waiting.what)

    def record_times(self, decision_id: str, times: Times, ms: float) -> None:
        """Add what is known only once the answer is out: how long record, writing and the whole call took."""
        self._inbox.times.append(times_row(decision_id, times, ms))

    def remember(self, entry: RememberedEntry) -> None:
        """Keep an answer of the live CRM, for a restart and for the other workers."""
        self._inbox.changes.append(entry)

    def forget(self, key: str) -> None:
        """Drop a remembered answer here and, within seconds, in the other workers."""
        self._inbox.changes.append(Forgotten(key, self._clock.now_at()))

    def record_incident(self, part: str, state: str, reason: str, at: datetime) -> None:
        """Record a change of state of a part."""
        self._inbox.incidents.append((to_ms(at), part, state, reason))

    def load_remembered(self, limit: int) -> asyncio.Future[list[RememberedEntry]]:
        """Read the newest answers, oldest first; empty where the journal is closed before it could be read."""
        future: asyncio.Future[list[RememberedEntry]] = self._running().create_future()
        self._put(Load(limit, future))
        return future

    async def close(self, within_s: float) -> int:
        """Write what waits and end the thread; in bounded time, whatever the disk does.

        Args:
            within_s: the most that this takes. What is not written by then is handed to `on_overflow`.

        Returns:
            How many decisions and events were not recorded.
        """
        if self._writer is None or self._closed:
            return 0
        self._closed = True
        self._put(Stop())
        self._writer.hurry.set()
        ended = asyncio.ensure_future(self._ended.wait())
        await asyncio.wait({ended}, timeout=within_s)
        if ended.done():
            return 0
        ended.cancel()
        self._writer.given_up.set()
        return self._hand_out_rest()

    def _hand_out_rest(self) -> int:
        """Hand out what waits; what the thread has in hand too, as nobody can tell whether it will be written."""
        left: list[Item] = [waiting for waiting in self._inbox.in_hand if not _recorded(waiting.future)]
        while (item := self._inbox.oldest()) is not None:
            left.append(item)
        for item in left:
            self._hand_out(item)
        return sum(isinstance(item, Waiting) for item in left)


def _recorded(future: asyncio.Future[bool]) -> bool:
    """Tell whether a row is known to be committed; whoever waited may have given up, and the row still be tried."""
    return future.done() and not future.cancelled() and future.result()
