"""The whole daemon in a folder of its own: configuration, rules, calls by a played Asterisk, and its journal."""

import asyncio
import secrets
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.fakes import asterisk
from tests.fakes.asterisk import Channel, Outcome
from tests.fakes.service import Service, wait_until

DID = "74951111111"
RULE = '- {{name: "{name}", tier: {tier}, did: "{did}", route: {{app: group, num: "{num}"}}}}\n'


def rule(name: str, did: str, num: str, tier: str = "fallback") -> str:
    """Return a rule as a line of a rules file."""
    return RULE.format(name=name, tier=tier, did=did, num=num)


@dataclass
class Log:
    """What a caller of many calls saw.

    Attributes:
        answers: FR_DECISION -> the variables of each call that got an answer.
        events: call ids of events that were answered as stored.
        without: calls that ended without an answer.
        slowest_s: the longest that a call with an answer took.
    """

    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    without: int = 0
    slowest_s: float = 0.0

    def take(self, outcome: Outcome | None) -> None:
        """Note how a call went; None where it could not even connect."""
        if outcome is None or not outcome.variables.get("FR_SOURCE"):
            self.without += 1
            return
        self.answers[outcome.variables["FR_DECISION"]] = outcome.variables
        self.slowest_s = max(self.slowest_s, outcome.took_s)

    def all(self, name: str) -> set[str]:
        """Return the values that a variable had in answers."""
        return {variables.get(name, "") for variables in self.answers.values()}

    @property
    def recorded(self) -> set[str]:
        """The decisions that were promised to be on record."""
        return {one for one, variables in self.answers.items() if variables["FR_STATUS"] != "unrecorded"}


class Whole:
    """Starts the daemon and asks it.

    Args:
        folder: holds everything, and is the daemon's current folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "fallbackrouter.toml"
        self.rules_dir = folder / "rules"
        self.rules_dir.mkdir()
        self.data_dir = folder / "var"
        self.services: list[Service] = []

    def configure(
        self,
        text: str = "",
        *,
        agi: str = "",
        admin: str = 'listen = ""',
        last_resort: str = "100",
        data_dir: str = "var",
    ) -> None:
        """Write the configuration; `text` holds further tables, `agi` further keys of that table, `admin` all of it."""
        self.data_dir = self.folder / data_dir
        self.config.write_text(
            f'data_dir = "{data_dir}"\n[agi]\nlisten = ["127.0.0.1:0"]\nhttp_listen = ["127.0.0.1:0"]\n{agi}\n'
            f"[admin]\n{admin}\n"
            f'[last_resort]\napp = "group"\nnum = "{last_resort}"\n{text}\n',
            encoding="utf-8",
        )

    def rules(self, *rules: str) -> None:
        """Write the rules."""
        (self.rules_dir / "rules.yaml").write_text("".join(rules), encoding="utf-8")

    def start(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        stderr: int | None = None,
        program: tuple[str, ...] = ("-m", "fallbackrouter"),
    ) -> Service:
        """Start it, without waiting for it."""
        if not self.config.exists():
            self.configure()
        arguments = ["-P", *program, "serve", "--config", str(self.config)]
        service = Service(arguments, self.folder, self.data_dir, environ, stderr=stderr)
        self.services.append(service)
        return service

    def recorded(self) -> dict[str, tuple[str, str]]:
        """Return id -> (source, status) of every decision in the journal."""
        rows = self.query("SELECT id, source, status FROM decisions")
        return {row[0]: (row[1], row[2]) for row in rows}

    def recorded_events(self) -> set[str]:
        """Return the call ids of every event in the journal."""
        return {row[0] for row in self.query("SELECT call_id FROM events")}

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """Ask the journal."""
        connection = sqlite3.connect(f"file:{self.data_dir}/journal.db?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def ask(port: int, did: str = DID, data: str = "ask,${EXTEN},init", within_s: float = 120.0) -> dict[str, str]:
    """Make one call and return the variables that it got."""
    return asyncio.run(asterisk.call(port, data, Channel(exten=did), within_s=within_s)).variables


def make_calls(port: int, count: int, at_once: int, did: str = DID) -> Log:
    """Make calls, so many at a time, and return how they went."""
    log = Log()
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            log.take(await one_call(port, number, did))

    async def all_callers() -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(at_once):
                callers.create_task(caller())

    asyncio.run(all_callers())
    return log


class Load:
    """Callers who ask again and again, in a thread of their own, until they are told to stop; one in seven reports.

    Args:
        at_once: how many calls are made at a time.

    Attributes:
        log: how the calls went so far.
    """

    def __init__(self, port: int, at_once: int) -> None:
        self.log = Log()
        self._port = port
        self._at_once = at_once
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._call_on()))

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_for_answers(200)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for_answers(self, more: int) -> None:
        """Wait until so many more calls were answered."""
        enough = len(self.log.answers) + more
        wait_until(lambda: len(self.log.answers) >= enough, f"{more} more answers")

    async def _call_on(self) -> None:
        async with asyncio.TaskGroup() as callers:
            for number in range(self._at_once):
                callers.create_task(self._caller(number))

    async def _caller(self, number: int) -> None:
        while not self._stopped.is_set():
            if number % 7:
                outcome = await one_call(self._port, number)
                self.log.take(outcome)
            else:
                outcome = await self._report(f"event.{secrets.token_hex(8)}")
            if outcome is None:
                await asyncio.sleep(0.05)
            number += self._at_once

    async def _report(self, call_id: str) -> Outcome | None:
        try:
            outcome = await asterisk.call(self._port, "event,${EXTEN},start", Channel(exten=DID, uniqueid=call_id))
        except OSError:
            return None
        if outcome.variables.get("FR_STATUS") == "ok":
            self.log.events.add(call_id)
        return outcome


async def one_call(port: int, number: int, did: str = DID, within_s: float = 120.0) -> Outcome | None:
    """Make one call; None where nobody took the connection."""
    channel = Channel(exten=did, caller=f"7950{number:07}", uniqueid=f"1700000000.{number}")
    try:
        return await asterisk.call(port, "ask,${EXTEN},init", channel, within_s=within_s)
    except OSError:
        return None
