"""How the cost of a call grows with what there is to look through: routes, rules, remembered answers, the journal.

All sizes are served at once, side by side, and take turns, so that whatever else the machine does meets all of them.
`ground.routes` is the measure of all sizes: a run with fewer routes has fewer of everything.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from sqlite3 import connect
from time import perf_counter, sleep

from benchmarks import filled, grown
from benchmarks.compiled import Load
from benchmarks.feed import did_of, for_all
from benchmarks.figures import Section
from benchmarks.ground import Ground
from benchmarks.grown import Caller, Curve, Growth, Rounds, Served, in_turns
from benchmarks.routes import first_us, look_up_us
from fallbackrouter.clock import SystemClock, load_zone
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.rulesfile.compiled import load
from fallbackrouter.store.rulesets import latest_ruleset

ROUNDS, ROUNDS_IN_FULL = 11, 31
WRITING_ROUNDS = 11
WRITTEN, IN_FLIGHT = 2_000, 32
FOR_SPLITS = 10_000
"""So many rows come into each journal before it is measured: its indexes were made full, and are half full in use."""
WRITE_S = 120
POLL_S = 0.005
LOOK_UPS = 4_000
JOURNAL_DIDS = 200
_SINCE = "SELECT count(*) FROM decisions INDEXED BY decisions_by_time WHERE at >= ?"
WORD = ',{}"'
"""How an answer ends: FR_SOURCE is the last of its variables."""
DOWN = '[crm]\nurl = "http://127.0.0.1:9/{stage}"\n'
"""A CRM that cannot be reached: remembered answers are what is left."""
ALONE = f"""Calls come one at a time by FastAGI, each recorded; routers of all sizes run side by side and take turns of
{grown.CALLS} calls, for numbers that are drawn anew from all that there is. Times are medians of turns' p50; how many
times the first size's they are is the median of rounds."""
WITHIN = """A look-up is what of it is the table's own, in a process, without the wire, which would hide its growth."""


def routes(ground: Ground) -> Section:
    """Measure synced routes, 1,000 and more."""
    counts = sizes(ground, 1_000, ground.routes)
    with ExitStack() as stack:
        served = []
        for size in counts:
            table = replace(ground, routes=size)
            port = stack.enter_context(table.router(f"growth-routes-{size}"))
            served.append(Served(port, _load(ground, f"routes-{size}", "synced"), partial(_synced_dids, size)))
        caller, rounds = _alone(served, ground)
    looked = look_up_us([(replace(ground, routes=size).synced(), size) for size in counts])
    curves = [Curve("a call alone", "ms", rounds), Curve("a look-up", "us", _by_round(looked))]
    about = f"A synced route decides. {ALONE} {WITHIN}"
    return Growth("routes", "routes", counts).section(about, curves, caller.failed, draw=ground.draw)


def rules(ground: Ground) -> Section:
    """Measure rules of rule files, 10 and more."""
    counts = sizes(ground, 10, ground.routes // 100)
    with ExitStack() as stack:
        served = []
        for size in counts:
            name = f"growth-rules-{size}"
            port = stack.enter_context(ground.router(name, rules=filled.rules(size), synced=False))
            dids = partial(filled.rule_dids, size, grown.CALLS)
            served.append(Served(port, _load(ground, f"rules-{size}", "fallback"), dids))
        caller, rounds = _alone(served, ground)
        looked = _rule_us([(ground.folder / f"growth-rules-{size}", size) for size in counts])
    curves = [Curve("a call alone", "ms", rounds), Curve("a look-up", "us", _by_round(looked), promised=False)]
    about = f"""A rule of the admin's decides; of ten rules two have patterns for a hundred numbers each, two ask who
        calls, two have hours, and the last takes all calls. {ALONE} {WITHIN} It is not promised by itself: among 10
        rules most numbers were asked for just now, and what their patterns matched is kept."""
    return Growth("rules", "rules", counts).section(about, curves, caller.failed, draw=ground.draw)


def remembered(ground: Ground) -> Section:
    """Measure remembered answers, 1,000 and more."""
    counts = sizes(ground, 1_000, ground.routes // 10)
    with ExitStack() as stack:
        served = []
        for size in counts:
            fill = partial(filled.remember, count=size, calls=grown.CALLS)
            name = f"growth-remembered-{size}"
            port = stack.enter_context(ground.router(name, more=DOWN, synced=False, fill=fill))
            dids = partial(filled.remembered_dids, size, grown.CALLS)
            load = _load(ground, f"remembered-{size}", "remembered")
            served.append(Served(port, load, dids, any_caller=False))
        caller, rounds = _alone(served, ground)
    about = f"An answer that the CRM gave before decides; the CRM cannot be reached. {ALONE}"
    curves = [Curve("a call alone", "ms", rounds)]
    return Growth("remembered", "remembered answers", counts).section(about, curves, caller.failed, draw=ground.draw)


def journal(ground: Ground) -> Section:
    """Measure decisions on record, 10,000 and more."""
    counts = sizes(ground, 10_000, 5 * ground.routes)
    few = replace(ground, routes=1_000)
    dids = _synced_dids(few.routes, random.Random(9))[:JOURNAL_DIDS]
    with ExitStack() as stack:
        served = []
        for size in counts:
            fill = partial(filled.write_journal, count=size, dids=dids)
            port = stack.enter_context(few.router(f"growth-journal-{size}", fill=fill))
            load = _load(ground, f"journal-{size}", "synced")
            served.append(Served(port, load, lambda dice: dice.choices(dids, k=grown.CALLS)))
        houses = [ground.folder / f"growth-journal-{size}" for size in counts]
        dice = random.Random(13)
        for one in served:
            one.warm(dice)
            one.closed(dice, FOR_SPLITS, IN_FLIGHT)
        caller, rounds = _alone(served, ground)
        journals = {one.port: house / "var" / "journal.db" for one, house in zip(served, houses, strict=True)}
        written = in_turns(served, WRITING_ROUNDS, lambda one: _written_us(caller, one, journals[one.port]))
    about = f"""Each call is recorded among decisions of the last 100 days, of the same {JOURNAL_DIDS} numbers and
        {grown.CALLERS:,} callers, so that each index is written to all over. {ALONE} With the write: {WRITTEN:,} calls,
        {IN_FLIGHT} in flight, from the first one's arrival until the last one's record is in the file."""
    curves = [Curve("a call alone", "ms", rounds), Curve("a call with its write", "us", written)]
    return Growth("journal", "decisions on record", counts).section(about, curves, caller.failed, draw=ground.draw)


def sizes(ground: Ground, first: int, last: int) -> list[int]:
    """Return ten times as many each time, from the first to the last; only those two unless the run is the long one.

    The last is ten times the first at the least.
    """
    last = max(last, first * 10)
    steps = [first]
    while steps[-1] * 10 < last:
        steps.append(steps[-1] * 10)
    return [*(steps if ground.full else steps[:1]), last]


def _load(ground: Ground, name: str, source: str) -> Load:
    folder = ground.folder / f"growth-load-{name}"
    folder.mkdir()
    return Load.of(folder, ["0"], WORD.format(source))


def _synced_dids(size: int, dice: random.Random) -> list[str]:
    always = (nth for nth in iter(lambda: dice.randrange(size), None) if for_all(nth))
    return [did_of(nth) for nth in islice(always, grown.CALLS)]


def _alone(served: Sequence[Served], ground: Ground) -> tuple[Caller, Rounds]:
    dice = random.Random(5)
    for one in served:
        one.warm(dice)
    caller = Caller(dice)
    return caller, in_turns(served, ROUNDS_IN_FULL if ground.full else ROUNDS, caller.alone_ms)


def _by_round(by_size: Sequence[Sequence[float]]) -> Rounds:
    return list(zip(*by_size, strict=True))


def _rule_us(houses: Sequence[tuple[Path, int]]) -> list[list[float]]:
    """Return the microseconds of a look-up among the rules that each house applied, turn by turn."""
    dice = random.Random(3)
    asked = []
    for house, size in houses:
        latest = latest_ruleset(house / "var" / "journal.db")
        if latest is None:
            raise SystemExit(f"The router in {house.name} applied no rules: see what it printed.")
        dids = filled.rule_dids(size, LOOK_UPS, dice)
        callers = [f"7495{dice.randrange(grown.CALLERS):07d}" for _ in dids]
        numbers = zip(dids, callers, strict=True)
        calls = [Call(read_number(did, None), read_number(caller, None)) for did, caller in numbers]
        asked.append((Rulebook(load(latest.body, load_zone)).first, calls))
    return first_us(asked, SystemClock().now_at())


def _written_us(caller: Caller, served: Served, journal: Path) -> float:
    """Return the microseconds of a call, the write of its record included."""
    first_ms = int(SystemClock().now_at().timestamp() * 1000)
    begun = perf_counter()
    answered = WRITTEN - caller.closed(served, WRITTEN, IN_FLIGHT).failed
    with _looking(journal) as count_since:
        while count_since(first_ms) < answered:
            if perf_counter() - begun > WRITE_S:
                raise SystemExit(
                    f"{WRITTEN:,} calls were not recorded within {WRITE_S} s: see what the router printed."
                )
            sleep(POLL_S)
    return (perf_counter() - begun) / WRITTEN * 1e6


@contextmanager
def _looking(journal: Path) -> Iterator[Callable[[int], int]]:
    with closing(connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield lambda since_ms: int(connection.execute(_SINCE, (since_ms,)).fetchone()[0])
