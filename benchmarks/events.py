"""How many events a second are taken from Asterisk, and told to a CRM, against plain sqlite3 and a bare HTTP client.

Usage: python -m benchmarks.events [--rounds N] [--json FILE]. All within one run, in turns, so that whatever else the
machine does meets all. Plain sqlite3 writes the same rows into the same table with the same durability (WAL,
synchronous=NORMAL), as many in a transaction as there can be at once.
"""

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.load import Run, Words, closed_loop
from benchmarks.run import CONFIG, DIDS, RULES, served
from fallbackrouter.clock import SystemClock
from fallbackrouter.crm.event_client import EventClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.moments import to_ms

EVENTS = 4000
AT_ONCE = 32
IN_FLIGHT = 8
START = Words("event", "start")
INSERT = """INSERT INTO events (event_id, at, node, call_id, linked_id, call_key, seq, stage, did, caller, decision_id,
    details, state, test, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
BODY = b'{"id":"1700000000.1","callerid":"74950000001","phonenumber":"74951111111","stage":"start","seq":1}'
PLAIN = "plain inserts per second, {} in a transaction"
TAKEN, TOLD, BARE = "events taken per second", "events told per second", "a bare HTTP client, requests per second"


def rows(count: int) -> list[tuple[object, ...]]:
    """Return events of calls of their own, as the router keeps them."""
    clock = SystemClock()
    at_ms = to_ms(clock.now_at())
    details = '{"context":"from-trunk","channel":"SIP/trunk-00000001"}'
    return [
        (
            clock.new_id(),
            at_ms,
            "bench",
            key,
            "",
            key,
            1,
            "start",
            DIDS[0],
            "74950000001",
            "",
            details,
            "pending",
            0,
            at_ms,
        )
        for key in (f"1600000000.{number}" for number in range(count))
    ]


def insert(journal: Path, batch: int) -> float:
    """Write EVENTS rows, `batch` in a transaction, and return how many a second."""
    upgrade(journal)
    given = rows(EVENTS)
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        begun_s = time.perf_counter()
        for at in range(0, EVENTS, batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, given[at : at + batch])
            connection.execute("COMMIT")
        return EVENTS / (time.perf_counter() - begun_s)


def configure(folder: Path, more: str = "") -> list[str]:
    """Write a configuration and rules; return the command that serves them."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "rules.yaml").write_text(RULES)
    config = folder / "fallbackrouter.toml"
    config.write_text(CONFIG + more)
    return [sys.executable, "-m", "fallbackrouter", "serve", "--config", str(config)]


def take(folder: Path) -> Run:
    """Have a call worker take events, AT_ONCE at a time."""

    async def load(port: int) -> Run:
        await closed_loop(port, calls=200, at_once=8, dids=DIDS, words=START)
        return await closed_loop(port, calls=EVENTS, at_once=AT_ONCE, dids=DIDS, words=START)

    with served(configure(folder), folder) as port:
        return uvloop.run(load(port))


@contextmanager
def taker() -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Start a CRM that takes EVENTS events; give its port, and the process that prints how long they took."""
    command = [sys.executable, "-m", "benchmarks.taker", str(EVENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(_line(process)), process
        finally:
            process.terminate()


def _line(process: "subprocess.Popen[str]") -> str:
    return process.stdout.readline() if process.stdout else ""


def tell(folder: Path) -> float:
    """Have the router tell a CRM of a backlog; return how many events a second came there."""
    (folder / "var").mkdir(parents=True)
    insert(folder / "var" / "journal.db", EVENTS)
    with taker() as (crm_port, process):
        crm = f'[crm]\nurl = "http://127.0.0.1:{crm_port}/{{stage}}"\n[events]\nmax_rate = 0\n'
        with served(configure(folder, f"{crm}max_in_flight = {IN_FLIGHT}\n"), folder):
            return EVENTS / float(_line(process))


def post() -> float:
    """Have the router's own HTTP client tell the same CRM as much, without a journal."""
    with taker() as (crm_port, process):
        uvloop.run(_post(f"http://127.0.0.1:{crm_port}/{{stage}}"))
        return EVENTS / float(_line(process))


async def _post(url: str) -> None:
    clock = SystemClock()
    resolver = Resolver(clock=clock, max_stale_s=3600)
    client = EventClient(
        url=url, token="", resolver=resolver, max_in_flight=IN_FLIGHT, keepalive_s=4, ca_file="", client_cert="",
        client_key="", clock=clock,
    )  # fmt: skip
    numbers = iter(range(EVENTS))

    async def sender() -> None:
        for _ in numbers:
            await client.send(clock.new_id(), "start", BODY)

    await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    await client.close()


def turn(folder: Path) -> dict[str, float]:
    """Measure all once."""
    figures = {PLAIN.format(batch): insert(folder / f"plain{batch}.db", batch) for batch in (1, IN_FLIGHT, AT_ONCE)}
    taken = take(folder / "take")
    figures |= {TAKEN: taken.rate, "failed": taken.failed, TOLD: tell(folder / "tell"), BARE: post()}
    many, few = figures[PLAIN.format(AT_ONCE)], figures[PLAIN.format(IN_FLIGHT)]
    return figures | {
        f"{TAKEN}, share of plain inserts": figures[TAKEN] / many,
        f"{TOLD}, share of plain inserts": figures[TOLD] / few,
        f"{TOLD}, share of the bare HTTP client": figures[TOLD] / figures[BARE],
    }


def main() -> int:
    """Measure, print a table, and see that no event was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    turns = []
    for _ in range(chosen.rounds):
        with tempfile.TemporaryDirectory() as name:
            turns.append(turn(Path(name)))
    failed = sum(one.pop("failed") for one in turns)
    figures = {what: median(one[what] for one in turns) for what in turns[0]}
    shown = {what: round(value, 3) if "share" in what else round(value) for what, value in figures.items()}
    shown["events that were not answered"] = round(failed)
    for what, figure in shown.items():
        print(f"{what:<58} {figure:>10}")
    if chosen.json:
        chosen.json.write_text(json.dumps(shown, indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
