"""What a million routes cost: reading a feed, a delta, a look-up, a worker's memory, and calls during a sync.

    python -m benchmarks.routes [ROUTES]

Ratios within one run, against the least that has to be done: msgspec reading the same bytes, and plain sqlite3
inserting the rows. Exit 1 where a promise is not kept. Takes some three minutes and 500 MB in the folder for temporary
files.
"""

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, sleep

import msgspec

from benchmarks.feed import Feed, did_of, result, sync, write_feed
from benchmarks.routes_served import TURNS, served_figures
from fallbackrouter.clock import SystemClock, load_zone
from fallbackrouter.config.build import build_gate
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import read_number
from fallbackrouter.store.routes import RoutesCopy

ROUTES = 1_000_000
DELTA_ROWS = 1_000
LOOK_UP_TURNS = 15
CONFIG = """
data_dir = "var"
[agi]
listen = ["127.0.0.1:0"]
http_listen = []
[log]
level = "error"
[sync]
max_shrink = 1.0
[admin]
listen = ""
[last_resort]
app = "group"
num = "100"
"""
PLAIN = "CREATE TABLE plain (id TEXT PRIMARY KEY, did TEXT, caller TEXT, hours TEXT, zone TEXT, result TEXT)"
SETTINGS = Settings(last_resort={"app": "group", "num": "100"})

First = Callable[[Call, datetime], object]
"""Looks a call up at a moment."""


def plain_s(feed: Path, folder: Path) -> float:
    """Return what `plain` takes, in a process of its own: it fills its memory, which is not what is measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.routes", "--plain", str(feed), str(folder)], check=True, capture_output=True
    )
    return float(done.stdout)


def plain(feed: Path, folder: Path) -> float:
    """Return the seconds that the least takes: msgspec reads the bytes, sqlite3 inserts the rows."""
    begun = perf_counter()
    decoded = [msgspec.json.decode(line) for line in feed.read_bytes().splitlines()]
    database = folder / "plain.db"
    database.unlink(missing_ok=True)
    encode = msgspec.json.encode
    with closing(sqlite3.connect(database, isolation_level=None)) as out:
        out.execute(PLAIN)
        out.execute("BEGIN")
        names = ("id", "did", "caller", "when", "timezone")
        values = ((*(row.get(name) for name in names), encode(row["result"])) for row in decoded if "id" in row)
        out.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?)", values)
        out.execute("COMMIT")
    return perf_counter() - begun


def look_up_us(tables: Sequence[tuple[Path, int]]) -> list[list[float]]:
    """Return the microseconds of a look-up in each table, turn by turn; every number asked for is in its table."""
    at, dice = SystemClock().now_at(), random.Random(3)
    copies = [RoutesCopy.load(path, gate=build_gate(SETTINGS), load_zone=load_zone) for path, _ in tables]
    asked = [[_call(dice.randrange(count)) for _ in range(4000)] for _, count in tables]
    found = first_us([(copy.first, some) for copy, some in zip(copies, asked, strict=True)], at)
    for copy in copies:
        copy.close()
    return found


def first_us(asked: Sequence[tuple[First, Sequence[Call]]], at: datetime) -> list[list[float]]:
    """Return the microseconds of a look-up in each of some tables for its calls at a moment, turn by turn."""
    found: list[list[float]] = [[] for _ in asked]
    for _ in range(LOOK_UP_TURNS):
        for (first, some), times in zip(asked, found, strict=True):
            begun = perf_counter()
            for call in some:
                first(call, at)
            times.append((perf_counter() - begun) / len(some) * 1e6)
    return found


def _call(nth: int) -> Call:
    return Call(read_number(did_of(nth), None), read_number(f"7950{nth:07d}", None))


def delta_s(folder: Path, feed: Path, count: int) -> float:
    """Return the seconds of a delta on all routes: fetched from a CRM, applied, in place; its own report."""
    version = 0

    def body() -> bytes:
        nonlocal version
        version += 1
        if version == 1:
            lines = feed.read_bytes().splitlines()[:-1]
            return b'{"full":true,"cursor":"1","routes":[' + b",".join(lines) + b"]}"
        dice = random.Random(version)
        changed = [
            {"id": f"client-{dice.randrange(count)}", "did": did_of(dice.randrange(count)), "result": result(dice)}
            for _ in range(DELTA_ROWS)
        ]
        return json.dumps({"full": False, "cursor": str(version), "routes": changed}).encode()

    crm = Feed(body)
    loop = asyncio.new_event_loop()
    task = loop.create_task(crm.serve(lambda: None))
    Thread(target=loop.run_forever, daemon=True).start()
    while not crm.port:
        sleep(0.01)
    config = folder / "delta.toml"
    config.write_text(CONFIG + f'[crm]\nroutes_url = "http://127.0.0.1:{crm.port}/routes"\n')
    took = []
    for _ in range(1 + TURNS):
        done = subprocess.run(
            [sys.executable, "-m", "fallbackrouter", "sync", "--config", str(config), "--json"],
            check=True,
            capture_output=True,
        )
        took.append(json.loads(done.stdout)["took_s"])
    loop.call_soon_threadsafe(task.cancel)
    return float(median(took[1:]))


def measure(folder: Path, count: int) -> dict[str, float]:
    """Measure everything in a folder."""
    (folder / "fallbackrouter.toml").write_text(CONFIG)
    feed, few = folder / "feed.ndjson", folder / "few.ndjson"
    write_feed(feed, count)
    write_feed(few, 1000)
    routes = folder / "var" / "routes.db"
    least_s, sync_s, peaks = [], [], []
    for _ in range(TURNS):
        least_s.append(plain_s(feed, folder))
        routes.unlink(missing_ok=True)
        took, peak = sync(folder, feed)
        sync_s.append(took)
        peaks.append(peak)
    figures = {
        f"s for msgspec and plain sqlite3 inserts, {count:,} rows": median(least_s),
        "s for `sync --from`, the same bytes": median(sync_s),
        "times the least": median(ours / least for ours, least in zip(sync_s, least_s, strict=True)),
        "s for the same again, compared with the routes that serve": sync(folder, feed)[0],
        "peak MiB of the sync": max(peaks),
        "size of routes.db, MiB": routes.stat().st_size / 1_048_576,
    }
    figures |= served_figures(folder, feed, count)
    figures[f"s for a delta of {DELTA_ROWS:,} rows"] = delta_s(folder, feed, count)
    many = routes.rename(folder / "many.db")
    sync(folder, few)
    many_us, few_us = look_up_us([(many, count), (routes, 1000)])
    figures |= {"us for a look-up": median(many_us), "us for a look-up among 1,000": median(few_us)}
    figures["times that among 1,000"] = median(many / few for many, few in zip(many_us, few_us, strict=True))
    return figures


PROMISES = {
    "times the least": 3.0,
    "peak MiB of the sync": 200.0,
    f"s for a delta of {DELTA_ROWS:,} rows": 2.0,
    "times that among 1,000": 1.5,
    "restarted worker: s from its first answer to its first synced one": 0.5,
    "worker, MiB above that of none": 120.0,
    "worker, MiB above that of none, at most while copies are replaced": 120.0,
    "calls' p99 beside a full sync, times that without": 1.5,
}


def main() -> int:
    """Measure, print a table, and judge."""
    if sys.argv[1:2] == ["--plain"]:
        print(plain(Path(sys.argv[2]), Path(sys.argv[3])))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROUTES
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), count)
    kept = True
    for what, figure in figures.items():
        bound = PROMISES.get(what)
        verdict = "" if bound is None else f"at most {bound:g}: {'kept' if figure <= bound else 'NOT KEPT'}"
        kept = kept and (bound is None or figure <= bound)
        print(f"{what:<75} {figure:>10.3f}  {verdict}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
