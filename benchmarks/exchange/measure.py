"""The benchmark `exchange`: calls per second inside a real Asterisk, where all are asked in turns."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import compiled
from benchmarks.exchange import layer
from benchmarks.exchange.dialplan import DIDS_EACH, Peer, curl, fast_agi, script
from benchmarks.exchange.feeding import Feeders, QuietExchange, Turn
from benchmarks.figures import Figure, Section
from benchmarks.ground import Ground, programs
from tests.asterisk.roots import Release
from tests.asterisk.settings import INSIDE

HERE = Path(__file__).parent
IN_FLIGHT = 32
ROUNDS = 4
PASSES = 3
"""In a round those who are quick take turns so many times, as their ratio to one another is promised most closely."""
QUICK_S, SLOW_S = 0.7, 2.0
"""Turns are short, so that what disturbs the machine meets all."""
FLOOR, ROUTER, BASH, CURL, PHP = "floor", "router", "bash", "curl", "php"
BASH_AT_ONCE, PHP_AT_ONCE = "bash-at-once", "php-at-once"
WORDS = {
    FLOOR: "the C server that decides nothing",
    ROUTER: "the router",
    BASH: "a bash script with curl",
    CURL: "CURL() in the dialplan",
    PHP: "a PHP script",
    BASH_AT_ONCE: "the bash script, its CRM answers at once",
    PHP_AT_ONCE: "the PHP script, its CRM answers at once",
}
QUICK = (FLOOR, ROUTER, CURL)
SLOW = (BASH, PHP)
SELDOM = (BASH_AT_ONCE, PHP_AT_ONCE)
"""Told only: they have a turn in every other round."""
ABOUT = """
Calls inside {version}, {in_flight} at a time: each is a Local channel that the dialplan dials, which asks once where it
goes, looks at its variables and hangs up. Nobody outside Asterisk has a hand in them, no sound flows, and no record of
a call is written, so that nothing but the question tells two peers apart. All take turns of {quick_s:g} s or
{slow_s:g} s in the same Asterisk, and set the same 13 variables. The router answers from its synced routes
({routes:,} rows), its journal on. The bash script, CURL() and the PHP script ask a CRM on the same machine that waits
for 50 ms and does nothing else, unless it is told that it answers at once. The bash script starts no program but curl:
its CRM answers with a line of values, as CURL()'s does.
"""

Turns = Mapping[str, Sequence[Turn]]
"""The turns of each peer, by its name, in their order."""


def measure(ground: Ground) -> Section:
    """Measure, and tell what is promised."""
    release = layer.scripted()
    folder = ground.folder / "exchange"
    folder.mkdir()
    dids = ground.dids(IN_FLIGHT * DIDS_EACH)
    with peers(ground, folder) as asked, QuietExchange(release, folder / "asterisk") as running:
        for name in ("ask_crm.sh", "ask_crm.php"):
            shutil.copy(HERE / name, running.folder / name)
        turns = measured(Feeders(running, asked, dids, IN_FLIGHT), asked)
    return section(turns, release, ground.routes)


@contextmanager
def peers(ground: Ground, folder: Path) -> Iterator[list[Peer]]:
    """Start all who are asked."""
    floor = [str(compiled.build("server", folder))]
    crm = [sys.executable, str(HERE / "crm.py")]
    with (
        programs([floor, crm], folder) as (floor_port, crm_port),
        ground.router("exchange-router") as router_port,
    ):
        url = f"http://127.0.0.1:{crm_port}"
        yield [
            fast_agi(FLOOR, floor_port),
            fast_agi(ROUTER, router_port),
            script(BASH, f"{INSIDE}/ask_crm.sh", f"{url}/late"),
            curl(CURL, f"{url}/late"),
            script(PHP, f"{INSIDE}/ask_crm.php", f"{url}/late.json"),
            script(BASH_AT_ONCE, f"{INSIDE}/ask_crm.sh", f"{url}/now"),
            script(PHP_AT_ONCE, f"{INSIDE}/ask_crm.php", f"{url}/now.json"),
        ]


def measured(feeders: Feeders, asked: Sequence[Peer]) -> Turns:
    """Let all take turns, after one that warms each and shows that it answers."""
    turns: dict[str, list[Turn]] = {peer.name: [] for peer in asked}
    by_name = {peer.name: peer for peer in asked}

    def turn(name: str, seconds: float) -> None:
        turns[name].append(feeders.turn(by_name[name], seconds))

    for name, warming in turns.items():
        turn(name, QUICK_S)
        if warming.pop().answered == 0:
            raise SystemExit(f"Inside Asterisk {WORDS[name]} answers no call, and without it nothing can be told.")
    for number in range(ROUNDS):
        for nth in range(PASSES):
            for name in QUICK if nth % 2 else reversed(QUICK):
                turn(name, QUICK_S)
        for name in (*SLOW, *(SELDOM if number % 2 else ())):
            turn(name, SLOW_S)
    return turns


def ratio(turns: Turns, peer: str) -> float:
    """Return the router's rate as a share of a peer's: the median of their turns, each with the router's beside it."""
    ours, theirs = turns[ROUTER], turns[peer]
    beside = len(ours) // len(theirs)
    return median(
        median(turn.rate for turn in ours[nth * beside : (nth + 1) * beside]) / turn.rate
        for nth, turn in enumerate(theirs)
    )


def section(turns: Turns, release: Release, routes: int) -> Section:
    """Put what was measured into words."""
    rates = [
        Figure(f"calls per second, {WORDS[name]}", median(turn.rate for turn in turns[name]), "calls/s")
        for name in (*QUICK, *SLOW, *SELDOM)
    ]
    best = [
        Figure(f"of its fastest turn, {WORDS[name]}", max(turn.rate for turn in turns[name]), "calls/s")
        for name in (FLOOR, ROUTER)
    ]
    ratios = [
        Figure(f"the router's rate, times that of {WORDS[FLOOR]}", ratio(turns, FLOOR), least=0.9),
        Figure(f"times that of {WORDS[BASH]}", ratio(turns, BASH), least=10),
        Figure(f"times that of {WORDS[CURL]}", ratio(turns, CURL), least=1),
        Figure(f"times that of {WORDS[PHP]}", ratio(turns, PHP)),
    ]
    about = ABOUT.format(
        version=layer.version(release), in_flight=IN_FLIGHT, quick_s=QUICK_S, slow_s=SLOW_S, routes=routes
    )
    ours = sum(turn.failed for turn in turns[ROUTER])
    theirs = sum(turn.failed for name, each in turns.items() if name != ROUTER for turn in each)
    ends = [
        Figure("the router's calls without a whole answer from its synced routes", ours, "calls", most=0),
        Figure("calls of the others without a whole answer", theirs, "calls"),
    ]
    return Section.of("Inside a real Asterisk", about, [*rates, *best, *ratios, *ends])
