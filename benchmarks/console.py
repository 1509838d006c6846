"""What calls notice of a busy console: their p99 with and without a thousand requests a second on it, in turns."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from benchmarks.compiled import Load, Seen
from benchmarks.figures import Figure, Section
from benchmarks.ground import Ground
from fallbackrouter.clock import SystemClock
from fallbackrouter.control.client import command
from fallbackrouter.store.users import add_user
from tests.fakes.admin import PASSWORD, Browser, kept

ABOUT = """Calls from the synced table arrive at a fixed rate while readers of the console ask it for pages, their
files and metrics at another, and while they do not, in turns. What could not be asked for, as all connections were
waiting for answers, is put off, and told. The readers run at the console's low priority, as they would run on other
machines."""
PER_SECOND = 1_000
CALLS_PER_SECOND = 100
TURNS = 3
SECONDS = 6
SECONDS_FULL = 20
AHEAD_S = 1.0
PAGES = ["/", "/calls", "/events", "/rules", "/ask", "/drill"]
OTHERS = ["/metrics", "/status", "/healthz"]
_FILE = re.compile(r'(?:href|src)="(/static/[^"]+)"')
READER = "reader"
START_S = 60.0


@dataclass(frozen=True)
class Turn:
    """Calls without readers, calls beside them, and what became of the requests."""

    quiet: Seen
    beside: Seen
    seconds: float
    asked: int
    answered: int
    refused: int
    late: int


def measure(ground: Ground) -> Section:
    """Measure."""
    load = Load.of(ground.folder, ground.dids(), "synced")
    seconds = SECONDS_FULL if ground.full else SECONDS
    with ground.router("console", admin="127.0.0.1:0") as port:
        readers = _readers(ground.folder / "console" / "var")
        load.closed(port, 500, 8)  # warm
        turns = [_turn(load, port, readers, seconds) for _ in range(TURNS)]
    return Section.of("A busy console", ABOUT, _figures(turns))


@dataclass(frozen=True)
class Readers:
    """Where they ask, and what they send."""

    port: int
    plan: str


def _readers(data_dir: Path) -> Readers:
    """Let a reader log in."""
    until = monotonic() + START_S
    while ((status := command(data_dir, {"do": "status"}, START_S))["admin"] or {}).get("state") != "ready":
        if monotonic() > until:
            raise SystemExit(f"the console was not ready within {START_S:g} s")
        sleep(0.1)
    add_user(data_dir / "admin.db", READER, kept(PASSWORD), "viewer", SystemClock().now_at())
    port = int(status["admin_listen"][0].rpartition(":")[2])
    browser = Browser(port)
    browser.login(READER)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    now = browser.get("/")
    if now.status != 200:  # noqa: PLR2004 - HTTP's own
        raise SystemExit("the reader of the console could not log in")
    files = _FILE.findall(now.text)
    if not files:
        raise SystemExit("the console's page names no files")
    return Readers(port, json.dumps({"paths": [*PAGES, *files, *OTHERS], "headers": {"Cookie": cookie}}))


def _turn(load: Load, port: int, readers: Readers, seconds: float) -> Turn:
    calls = int(CALLS_PER_SECOND * seconds)
    quiet = load.open(port, calls, CALLS_PER_SECOND)
    words = [str(readers.port), str(PER_SECOND), str(seconds + 2 * AHEAD_S)]
    asking = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.asker", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        if asking.stdin is not None:
            asking.stdin.write(readers.plan)
            asking.stdin.close()
            asking.stdin = None
        sleep(AHEAD_S)
        beside = load.open(port, calls, CALLS_PER_SECOND)
        counts = json.loads(asking.communicate(timeout=60 + seconds)[0])
    finally:
        asking.kill()
        asking.wait()
    return Turn(quiet, beside, seconds + 2 * AHEAD_S, **counts)


def _figures(turns: list[Turn]) -> list[Figure]:
    quiet, beside = [turn.quiet.ms(99) for turn in turns], [turn.beside.ms(99) for turn in turns]
    ratio = median(loud / calm for loud, calm in zip(beside, quiet, strict=True))
    failed = sum(turn.quiet.failed + turn.beside.failed for turn in turns)
    return [
        Figure("calls' p99 without readers", median(quiet), "ms"),
        Figure("calls' p99 beside readers", median(beside), "ms"),
        Figure("calls' p99 beside readers, times that without", ratio, most=1.2),
        Figure("calls without a whole answer", failed, "calls", most=0),
        Figure("requests planned", PER_SECOND, "/s"),
        Figure("requests answered", median(turn.answered / turn.seconds for turn in turns), "/s"),
        Figure("requests that were put off", median(turn.late / turn.seconds for turn in turns), "/s"),
        Figure("requests refused (an error's status)", sum(turn.refused for turn in turns), "in all"),
    ]
