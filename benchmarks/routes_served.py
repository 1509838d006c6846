"""What a running service pays for its routes: memory, calls beside a sync, and a worker that is killed."""

import asyncio
import os
import random
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, sleep

import uvloop

from benchmarks.feed import did_of, sync
from benchmarks.load import Run, closed_loop
from benchmarks.run import served
from fallbackrouter.control.client import command

TURNS = 3


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
