"""SIGKILL of every process of the router, again and again under load: what was answered is on record, and is told.

Who judges is neither the router nor its journal alone: the callers' own log is held against the journal, and against
what a CRM, a process of its own that nobody kills, wrote down.
"""

import asyncio
import os
import random
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

from tests.fakes import asterisk
from tests.fakes.asterisk import Channel, Outcome
from tests.fakes.crm_events import read_events
from tests.fakes.crm_process import CrmProcess
from tests.fakes.outbox import orders
from tests.fakes.service import Service, alive, children_of, wait_until
from tests.fakes.whole import DID, Whole, rule
from tests.proof.figures import Record
from tests.proof.machine import PACE
from tests.proof.size import full_or

ROUNDS = full_or(8, full=100)
CALLS_A_S = max(20, 200 // PACE)
CALL_MS = 400 * PACE
"""Where the machine stands still, more than 400 ms may pass until an answer is on record."""
REPORTS_ONE_IN = 4
"""So many calls also report that they began and ended."""
LEAST_DECISIONS, LEAST_EVENTS = 30, 10
"""So many have to be answered as on record before a kill, that there be something to lose."""
DRAIN_S = 300.0


class Callers:
    """Calls at an even rate, whatever becomes of those before, in a thread of their own.

    Attributes:
        decisions: of calls that got an answer which promised to be on record.
        unrecorded: of calls that got one which did not.
        events: (call id, stage) of events whose answer promised it.
        made: calls begun.
    """

    def __init__(self) -> None:
        self.decisions: set[str] = set()
        self.unrecorded: set[str] = set()
        self.events: set[tuple[str, str]] = set()
        self.made = 0
        self._port = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread()

    def __call__(self, port: int) -> Self:
        """Let them call this port from now on."""
        self._port = port
        return self

    def __enter__(self) -> Self:
        self._stopped.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._call_on()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def enough(self, calls: int) -> Callable[[], bool]:
        """Return what becomes true once so many calls more were made, and enough of them answered as on record."""
        made = self.made + calls
        decisions, events = len(self.decisions) + LEAST_DECISIONS, len(self.events) + LEAST_EVENTS
        return lambda: self.made >= made and len(self.decisions) >= decisions and len(self.events) >= events

    async def _call_on(self) -> None:
        loop = asyncio.get_running_loop()
        begun_s, first = loop.time(), self.made
        async with asyncio.TaskGroup() as calls:
            while not self._stopped.is_set():
                calls.create_task(self._call(self.made))
                self.made += 1
                await asyncio.sleep(max(0.0, begun_s + (self.made - first) / CALLS_A_S - loop.time()))

    async def _call(self, number: int) -> None:
        channel = Channel(exten=DID, caller=f"7950{number:07}", uniqueid=f"1700000000.{number}")
        asked = await self._ask(channel, "ask,${EXTEN},init")
        if asked.get("FR_SOURCE"):
            (self.unrecorded if asked["FR_STATUS"] == "unrecorded" else self.decisions).add(asked["FR_DECISION"])
        if number % REPORTS_ONE_IN == 0:
            for stage in ("start", "end_failed"):
                told = await self._ask(channel, f"event,${{EXTEN}},{stage}")
                if told.get("FR_STATUS") == "ok":
                    self.events.add((channel.uniqueid, stage))

    async def _ask(self, channel: Channel, data: str) -> dict[str, str]:
        try:
            outcome: Outcome = await asterisk.call(self._port, data, channel, within_s=60)
        except OSError:
            return {}
        return outcome.variables


def kill_all(service: Service) -> None:
    """Kill every process at once."""
    pids = [service.pid, *children_of(service.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(partial(_all_gone, pids), "all are gone")


def _all_gone(pids: list[int]) -> bool:
    return not any(map(alive, pids))


def nothing_waits(whole: Whole) -> bool:
    return whole.query("SELECT count(*) FROM events WHERE state = 'pending'") == [(0,)]  # type: ignore[comparison-overlap] # a number


def test_kill_9_of_everything_loses_no_answer_and_no_event(whole: Whole, tmp_path: Path, record_figure: Record) -> None:
    file, callers, chance = tmp_path / "events.jsonl", Callers(), random.Random(4)
    whole.rules(rule("office", DID, "62"))
    with CrmProcess("--events", str(file), "--mode", "slow:0.03") as crm:
        whole.configure(f'[budget]\ncall_ms = {CALL_MS}\n[crm]\nurl = "{crm.url}"\n[events]\nmax_rate = 0\n')
        for _ in range(ROUNDS):
            service = whole.start().ready()
            enough = callers.enough(chance.randrange(60, 300))
            with callers(service.port):
                wait_until(enough, "so many calls and answers", DRAIN_S)
                kill_all(service)
        last = whole.start().ready()
        wait_until(lambda: nothing_waits(whole), "all events are told", DRAIN_S)
        assert last.stop() == 0
    log = read_events(file)
    fresh = [line["body"] for line in log if not line["again"]]
    told = {(body["id"], body["stage"]) for body in fresh}
    seqs = orders([{**body, "linked_id": body["id"]} for body in fresh])
    lost, untold = callers.decisions - set(whole.recorded()), callers.events - told
    disordered = [call for call, seen in seqs.items() if seen != list(range(1, len(seen) + 1))]
    for name, value in {
        "times that every process was killed": ROUNDS,
        "calls begun": callers.made,
        "answers that promised to be on record": len(callers.decisions),
        "of them lost": len(lost),
        "answers that said that they were not (unrecorded)": len(callers.unrecorded),
        "events that were answered as stored": len(callers.events),
        "of them not told to the CRM": len(untold),
        "events told more than once, and dropped by key": len(log) - len(fresh),
        "calls whose events came in another order": len(disordered),
    }.items():
        record_figure(name, value)
    assert (lost, untold, disordered) == (set(), set(), [])
    assert len(callers.decisions) >= LEAST_DECISIONS * ROUNDS
    assert len(callers.events) >= LEAST_EVENTS * ROUNDS
