"""A journal with events, and the whole delivery of them in one process, for tests."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fallbackrouter.clock import Clock, SystemClock
from fallbackrouter.core.breaker import BreakerRules, Change
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.jobs.courier import Courier
from fallbackrouter.jobs.delivery import Delivery
from fallbackrouter.jobs.recordings import Recordings
from fallbackrouter.jobs.recordings_look import RecordingsLook
from fallbackrouter.jobs.valve import RULES, Valve
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.outbox import Outbox
from tests.fakes.event_client import event_client

COLUMNS = "event_id, at, node, call_id, linked_id, call_key, seq, stage, did, caller, decision_id, details, state, test"


class Events:
    """A journal in a file, looked at and filled by plain SQL."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = path
        upgrade(path)
        self._clock = clock or SystemClock()

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            return connection.execute(sql, values).fetchall()

    def add(
        self, calls: int, stages: tuple[str, ...] = ("start", "end_failed"), *, age_s: float = 0, **extra: str
    ) -> None:
        """Add the events of so many new calls, in the order in which they would happen."""
        (before,) = self.run("SELECT count(DISTINCT call_key) FROM events")[0]
        at_ms = to_ms(self._clock.now_at()) - int(1000 * age_s)
        details = json.dumps({"extra": extra} if extra else {})
        rows = [
            (self._clock.new_id(), at_ms, "pbx1", key, key, key, seq, stage, "74951111111", "89507533333", "",
             details, "pending", 0, at_ms)
            for seq, stage in enumerate(stages, 1)
            for key in (f"170.{before + number}" for number in range(calls))
        ]  # fmt: skip
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.executemany(
                f"INSERT INTO events ({COLUMNS}, due_at) VALUES ({', '.join('?' * 15)})",  # noqa: S608 - our own names
                rows,
            )

    def states(self) -> dict[str, int]:
        """Return how many events there are in each state."""
        return {str(row[0]): int(row[1]) for row in self.run("SELECT state, count(*) FROM events GROUP BY state")}

    def of(self, column: str) -> list[Any]:
        """Return a column of all events, in the order of calls and events."""
        return [row[0] for row in self.run(f"SELECT {column} FROM events ORDER BY call_key, seq")]  # noqa: S608 - our own


@dataclass
class Delivering:
    """A delivery that runs.

    Attributes:
        errors: errors of our own.
        troubles: what was said of the journal.
        changes: of the breaker.
    """

    delivery: Delivery
    valve: Valve
    errors: list[Exception]
    troubles: list[str]
    changes: list[Change]


@asynccontextmanager
async def delivering(
    events: Events,
    url: str,
    *,
    max_in_flight: int = 8,
    max_rate: float = 0,
    timeout_s: float = 20,
    ttl_s: float = 604_800,
    recordings: Recordings | None = None,
    rules: BreakerRules = RULES,
    spell: Callable[[Number], str] = lambda number: number.raw,
    chance: Callable[[], float] = lambda: 0.0,
    clock: Clock | None = None,
) -> AsyncIterator[Delivering]:
    """Deliver; without another chance, whatever failed is due again at once."""
    clock = clock or SystemClock()
    threads = ThreadPoolExecutor(1)
    in_thread = partial(asyncio.get_running_loop().run_in_executor, threads)
    errors: list[Exception] = []
    troubles: list[str] = []
    changes: list[Change] = []
    outbox = Outbox(events.path)
    look = RecordingsLook(recordings or Recordings(None, "", 0))
    async with event_client(url, max_in_flight=max_in_flight) as client:
        courier = Courier(
            client,
            look,
            read_number=lambda text: read_number(text, None),
            spell=spell,
            timeout_s=timeout_s,
            ttl_s=ttl_s,
            clock=clock,
            chance=chance,
        )
        valve = Valve(
            max_in_flight=max_in_flight, max_rate=max_rate, clock=clock, on_change=changes.append, rules=rules
        )
        delivery = Delivery(
            outbox,
            courier,
            valve,
            clock=clock,
            in_thread=in_thread,
            on_trouble=troubles.append,
            on_error=errors.append,
        )
        running = asyncio.create_task(delivery.run())
        try:
            yield Delivering(delivery, valve, errors, troubles, changes)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await delivery.close()
            await in_thread(outbox.close)
            look.close()
            threads.shutdown()


def orders(told: list[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return by call the seqs of its events, in the order in which a CRM was told."""
    found: dict[str, list[int]] = {}
    for event in told:
        found.setdefault(str(event["linked_id"]), []).append(int(event["seq"]))
    return found
