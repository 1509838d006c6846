"""A fault's scene: the whole daemon, whose tiers each know their numbers, and 200 calls while the fault is on.

scene.start(crm.url); scene.healthy(); (the fault begins) scene.calls(LOCAL); (it ends) scene.recovers()
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from fallbackrouter.clock import SystemClock
from tests.fakes.asterisk import Channel, Outcome, call
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import Service, wait_until
from tests.fakes.whole import Whole
from tests.proof.machine import PACE
from tests.scenarios.faults.numbers import (
    ALL,
    AT_ONCE,
    EACH,
    HEALTHY,
    NUM,
    REMEMBERED_NUMBERS,
    RULES,
    Sources,
    feed,
    knower_of,
)
from tests.scenarios.faults.vitals import Vitals, vitals_of

CALL_MS = 400 * PACE
LIVE_MS = 300 * PACE
BOUND_MS = CALL_MS + (60 if PACE == 1 else 20_000)
"""Where the machine stands still, how late an answer comes tells of the machine; one that stalls is found anyway."""
RETURN_S = 10.0 * PACE
SETTLE_S = 15.0 * PACE
"""How long what the fault held may take to be let go: idle connections, late answers, the beat that tells of them."""

_SETTINGS = f"""\
[budget]
call_ms = {CALL_MS}
live_ms = {LIVE_MS}
[remembered]
ttl_s = 3600
[crm]
"""


@dataclass(frozen=True)
class Seen:
    """What one call saw."""

    did: str
    variables: Mapping[str, str]
    took_ms: float


@dataclass
class Story:
    """What goes into the table: one fault, in figures."""

    fault: str
    answers: dict[str, int] = field(default_factory=dict)
    slowest_ms: float = 0.0
    bound: str = f"{BOUND_MS} ms"
    again_s: float | None = None
    note: str = ""


class Scene:
    """One fault, played once.

    Args:
        template: the data folder of a daemon that has synced, and has asked the CRM; see `prepare`.
    """

    def __init__(self, whole: Whole, template: Path) -> None:
        self.whole = whole
        self._template = template
        self._clock = SystemClock()
        self._others = count()
        self._made = 0
        self._former = ""
        self._before: Vitals | None = None
        self.story = Story("")
        self.service: Service

    # the daemon --------------------------------------------------------------------------------------------------

    def start(
        self,
        url: str,
        crm: str = "",
        *,
        text: str = "",
        agi: str = "",
        data_dir: str = "var",
        **options: Any,
    ) -> Service:
        """Start it with what it knows, and wait until it is ready."""
        self.whole.rules(RULES)
        self.whole.configure(f'{_SETTINGS}url = "{url}"\n{crm}\n{text}', agi=agi, data_dir=data_dir)
        shutil.copytree(self._template, self.whole.data_dir, dirs_exist_ok=True)
        self._former = self.whole.query("SELECT max(id) FROM decisions")[0][0]
        self.service = self.whole.start(**options).ready()
        wait_until(lambda: self.service.status()["routes"], "the routes serve")
        return self.service

    def worker(self) -> dict[str, Any]:
        """Return the call worker's entry in the status."""
        worker: dict[str, Any] = self.service.status()["workers"][0]
        return worker

    # calls -------------------------------------------------------------------------------------------------------

    def ask(self, dids: list[str]) -> list[Seen]:
        """Call each number once, 50 at a time."""
        self._made += len(dids)
        return asyncio.run(_ask_all(self.service.port, dids))

    def others(self, how_many: int) -> list[str]:
        """Return numbers that nobody local knows, each once."""
        return [f"{HEALTHY}{next(self._others):06}" for _ in range(how_many)]

    def healthy(self, how_many: int = 4 * EACH) -> None:
        """See that the live CRM answers, and note what the worker holds."""
        answered = self.ask(self.others(how_many))
        sources = [one.variables.get("FR_SOURCE") for one in answered]
        assert sources.count("live") >= how_many * 0.9, f"the CRM is well, and yet: {sources}"
        self.note_vitals()

    def note_vitals(self) -> None:
        """Note what the worker holds now."""
        wait_until(self._told_of_all, "it tells of the calls made")
        self._before = vitals_of(self.worker())

    def _told_of_all(self) -> bool:
        counters = self.worker().get("counters", {})
        return counters.get("accepted", 0) >= self._made and not counters["held"]

    def calls(self, expected: Sources, dids: list[str] | None = None, bound_ms: float | None = BOUND_MS) -> list[Seen]:
        """Make the calls of the proof, each answered from its right tier and in time."""
        seen = self.ask(ALL if dids is None else dids)
        self.right(seen, expected)
        slowest_ms = max(one.took_ms for one in seen)
        self.story.slowest_ms = max(self.story.slowest_ms, slowest_ms)
        if bound_ms is not None:
            late = sorted(one.took_ms for one in seen if one.took_ms > bound_ms)
            assert not late, f"{len(late)} answers came later than {bound_ms:g} ms, the last after {late[-1]:.0f} ms"
        return seen

    def right(self, seen: list[Seen], expected: Sources) -> None:
        """See that each answer came from the right tier, whole."""
        for one in seen:
            source = one.variables.get("FR_SOURCE", "")
            assert source in expected[knower_of(one.did)], f"{one.did} was answered by {source!r}: {one.variables}"
            assert one.variables["num"] == NUM[source]
            self.story.answers[source] = self.story.answers.get(source, 0) + 1

    # afterwards --------------------------------------------------------------------------------------------------

    def recovers(self, *, vitals: bool = True) -> None:
        """See live answers return, and what the fault held let go; the fault has just ended."""
        begun_s = self._clock.now_s()
        self._live_again(begun_s)
        self.story.again_s = self._clock.now_s() - begun_s
        if vitals:
            self.lets_go()

    def _live_again(self, begun_s: float) -> None:
        while self.ask(self.others(1))[0].variables.get("FR_SOURCE") != "live":
            assert self._clock.now_s() - begun_s < RETURN_S, f"no live answer within {RETURN_S:g} s"

    def lets_go(self) -> None:
        """See that the same worker holds no more than before."""
        before = self._before
        assert before is not None
        assert self.worker()["pid"] == before.pid, "the worker was replaced"
        wait_until(self._told_of_all, "it tells of the calls made")
        until_s = self._clock.now_s() + SETTLE_S
        while grown := vitals_of(self.worker()).grown_since(before):
            assert self._clock.now_s() < until_s, f"after the fault: {', '.join(grown)}"

    def reasons(self) -> set[str]:
        """Stop the daemon, and return what the trails of the proof's calls say of the live tier."""
        assert self.service.stop() == 0
        return {reason for did, reason in self.trails() if not did.startswith(HEALTHY)}

    def trails(self) -> list[tuple[str, str]]:
        """Return (did, verdict and reason of its live step) of every decision since the start."""
        rows = self.whole.query(f"SELECT did, trail FROM decisions WHERE id > '{self._former}'")  # noqa: S608 - our own id
        steps = [(did, step) for did, trail in rows for step in json.loads(trail)["steps"]]
        return [(did, f"{step['verdict']}: {step.get('reason', '')}") for did, step in steps if step["tier"] == "live"]


async def _ask_all(port: int, dids: list[str]) -> list[Seen]:
    left = iter(enumerate(dids))
    seen: list[Seen] = []

    async def caller() -> None:
        for number, did in left:
            seen.append(await one_call(port, number, did))

    async with asyncio.TaskGroup() as callers:
        for _ in range(AT_ONCE):
            callers.create_task(caller())
    return seen


async def one_call(port: int, number: int, did: str) -> Seen:
    """Make one call; one that nobody took has no variables."""
    channel = Channel(exten=did, uniqueid=f"1700000000.{number}")
    try:
        outcome = await call(port, channel=channel, within_s=30.0)
    except OSError:
        outcome = Outcome()
    return Seen(did, outcome.variables, outcome.took_s * 1000)


def prepare(whole: Whole) -> Path:
    """Make a data folder in which every number is known to its tier, by the ways in which they come to be known."""
    with CrmProcess() as crm:
        whole.rules(RULES)
        whole.configure(f'{_SETTINGS}url = "{crm.url}"\n')
        feed_file = whole.folder / "feed.ndjson"
        feed_file.write_text(feed(), encoding="utf-8")
        sync = [sys.executable, "-m", "fallbackrouter", "sync", "--from", str(feed_file), "--config", str(whole.config)]
        subprocess.run(sync, check=True, capture_output=True)
        service = whole.start().ready()
        seen = asyncio.run(_ask_all(service.port, REMEMBERED_NUMBERS))
        assert {one.variables["FR_SOURCE"] for one in seen} == {"live"}
        assert service.stop() == 0
    (whole.data_dir / "control.sock").unlink(missing_ok=True)
    return whole.data_dir
