"""What a million routes cost: reading a feed, a delta, a look-up, a worker's memory, and calls during a sync.

    python -m benchmarks.routes [ROUTES]

Ratios within one run, against the least that has to be done: msgspec reading the same bytes, and plain sqlite3
inserting the rows. Exit 1 where a promise is not kept. Takes some three minutes and 500 MB in the folder for temporary
files.
"""

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, sleep

import msgspec
import uvloop

from benchmarks.load import Run, closed_loop
from benchmarks.run import served
from fallbackrouter.clock import SystemClock, load_zone
from fallbackrouter.config.build import build_gate
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.client import command
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import read_number
from fallbackrouter.store.routes import RoutesCopy

ROUTES = 1_000_000
DELTA_ROWS = 1_000
TURNS = 3
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

Row = dict[str, object]


def rows(count: int) -> Iterator[Row]:
    """Yield a feed as customers' lists are: a number each, every third with a caller, every tenth with hours."""
    dice = random.Random(7)
    for nth in range(count):
        row: Row = {"id": f"client-{nth}", "did": did_of(nth), "result": result(dice)}
        if nth % 3 == 0:
            row["caller"] = f"79{dice.randrange(10**9):09d}"
        if nth % 10 == 0:
            row |= {"when": "09:00-18:00,mon-fri,*,*", "timezone": "Europe/Moscow"}
        yield row


def did_of(nth: int) -> str:
    """Return a number, scattered over ten million."""
    return f"7495{nth * 7919 % 10**7:07d}"


def for_all(nth: int) -> bool:
    """Tell whether a row is for any caller at any hour."""
    return bool(nth % 3 and nth % 10)


def result(dice: random.Random) -> dict[str, str]:
    """Return where a call goes."""
    return {"app": "group", "num": str(dice.randrange(100, 999)), "time": "60"}


def write_feed(path: Path, count: int) -> None:
    """Write a feed with a row a line."""
    with path.open("wb") as out:
        for row in rows(count):
            out.write(msgspec.json.encode(row) + b"\n")
        out.write(b'{"full": true}\n')


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


def sync(folder: Path, feed: Path) -> tuple[float, float]:
    """Return the seconds and the peak MiB of `fallbackrouter sync --from`, its start included."""
    begun = perf_counter()
    config = str(folder / "fallbackrouter.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "fallbackrouter", "sync", "--config", config, "--from", str(feed), "--force"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the sync failed with status {status}")
    return perf_counter() - begun, usage.ru_maxrss / 1024


def look_up_us(tables: Sequence[tuple[Path, int]]) -> list[list[float]]:
    """Return the microseconds of a look-up in each table, turn by turn; every number asked for is in its table."""
    at, dice = SystemClock().now_at(), random.Random(3)
    copies = [RoutesCopy.load(path, gate=build_gate(SETTINGS), load_zone=load_zone) for path, _ in tables]
    asked = [[_call(dice.randrange(count)) for _ in range(4000)] for _, count in tables]
    found: list[list[float]] = [[] for _ in tables]
    for _ in range(LOOK_UP_TURNS):
        for copy, some, times in zip(copies, asked, found, strict=True):
            begun = perf_counter()
            for call in some:
                copy.first(call, at)
            times.append((perf_counter() - begun) / len(some) * 1e6)
    for copy in copies:
        copy.close()
    return found


def _call(nth: int) -> Call:
    return Call(read_number(did_of(nth), None), read_number(f"7950{nth:07d}", None))


class Feed:
    """Takes deltas by the same way as a CRM's: a server that answers one page."""

    def __init__(self, body: Callable[[], bytes]) -> None:
        self._body = body
        self.port = 0

    async def serve(self, started: Callable[[], None]) -> None:
        """Listen until cancelled."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started()
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                body = self._body()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()


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


def rss_mb(pid: int) -> float:
    """Return what a process takes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1_048_576


def peak_mb(pid: int) -> float:
    """Return the most that a process ever took."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def worker(folder: Path) -> int:
    """Return the call worker's pid."""
    return int(command(folder / "var", {"do": "status"}, 10)["workers"][0]["pid"])


def calls(port: int, count: int, at_once: int, routes: int) -> Run:
    """Make calls for numbers that have routes."""
    dice = random.Random(5)
    dids = [did_of(dice.randrange(routes)) for _ in range(500)]
    return uvloop.run(closed_loop(port, calls=count, at_once=at_once, dids=dids))


def served_figures(folder: Path, feed: Path, count: int) -> dict[str, float]:
    """Measure the running service: memory, calls beside a sync, and a worker that is killed."""
    serve = [sys.executable, "-m", "fallbackrouter", "serve", "--config", str(folder / "fallbackrouter.toml")]
    (folder / "rules").mkdir(exist_ok=True)
    figures: dict[str, float] = {}
    routes = folder / "var" / "routes.db"
    aside = routes.rename(routes.with_name("aside.db"))
    with served(serve, folder) as port:
        calls(port, 2000, 8, count)
        empty_mb = rss_mb(worker(folder))
    aside.rename(routes)
    with served(serve, folder) as port:
        calls(port, 2000, 8, count)
        pid = worker(folder)
        figures["worker, MiB above that of none"] = rss_mb(pid) - empty_mb
        quiet, beside = [], []
        for _ in range(TURNS):
            quiet.append(calls(port, 6000, 8, count).quantile_ms(0.99))
            syncing = Thread(target=sync, args=(folder, feed))
            syncing.start()
            sleep(1.5)
            run = Run()
            while syncing.is_alive():
                part = calls(port, 2000, 8, count)
                run.ms += part.ms
                run.failed += part.failed
            syncing.join()
            beside.append(run.quantile_ms(0.99))
        figures["calls' p99, ms, without a sync"] = median(quiet)
        figures["calls' p99, ms, beside a full sync"] = median(beside)
        figures["calls' p99 beside a full sync, times that without"] = median(
            b / q for b, q in zip(beside, quiet, strict=True)
        )
        figures["worker, MiB above that of none, at most while copies are replaced"] = peak_mb(pid) - empty_mb
        figures["restarted worker: s from its first answer to its first synced one"] = restart_s(folder, port, count)
    return figures


def restart_s(folder: Path, port: int, count: int) -> float:
    """Kill the worker, and return how long its successor answered without routes."""
    os.kill(worker(folder), 9)
    first: float | None = None
    until = perf_counter() + 30
    while perf_counter() < until:
        try:
            source = uvloop.run(first_source(port, did_of(count // 2)))
        except OSError:
            continue
        if source and first is None:
            first = perf_counter()
        if source == "synced" and first is not None:
            return perf_counter() - first
    raise SystemExit("the new worker gave no synced answer within 30 s")


async def first_source(port: int, did: str) -> str:
    """Make one call and return its FR_SOURCE; "" without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = {"agi_network": "yes", "agi_network_script": "ask", "agi_uniqueid": "1.1", "agi_extension": did}
    header = "".join(f"{name}: {value}\n" for name, value in {**lines, "agi_arg_1": did, "agi_arg_2": "init"}.items())
    writer.write(header.encode() + b"\n")
    source = ""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while line := await reader.readline():
            if b"FR_SOURCE" in line:
                source = next((tier for tier in ("synced", "last_resort", "fallback") if tier.encode() in line), "")
            writer.write(b"200 result=1\n")
    writer.close()
    return source


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
