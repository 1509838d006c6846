"""How long each filter of `decisions list` takes over millions of decisions, and what the journal's writer pays for it.

    python -m benchmarks.journal [ROWS] [FILE]

Builds a journal of 5,000,000 decisions (a minute or two, some 3 GB; in the folder for temporary files unless a file is
named; a file that is there is used again), asks for each filter and for some together, once with nothing read before
and three times more, and writes decisions one by one and twenty at a time. The filters that find few rows far back,
or none, are the hard ones: whatever stops at the first twenty is easy.
"""

import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from fallbackrouter.clock import SystemClock
from fallbackrouter.store import schema, statements
from fallbackrouter.store.rows import DECISION_COLUMNS, Row
from fallbackrouter.store.search import search
from fallbackrouter.store.statistics import statistics
from fallbackrouter.store.steps import checkpoint, connect
from fallbackrouter.store.wanted import Numbers, Wanted

ROWS = 5_000_000
BOUND_MS = 500.0
FIRST_MS = 1_760_000_000_000
SPAN_MS = 100 * 86_400_000
_AT_ONCE = 250_000
_LIVE = '{"steps":[{"tier":"override","verdict":"miss","ms":0.012},{"tier":"live","verdict":"hit","ms":61.233}]}'
_LOCAL = (
    '{"steps":[{"tier":"live","verdict":"timed_out","reason":"%sno answer within 300 ms","ms":300.212},'
    '{"tier":"remembered","verdict":"miss","ms":0.011},{"tier":"fallback","verdict":"hit","rule":"office","ms":0.033}]}'
)
_ROUTE = '{"app":"group","num":"62","time":"100"}'


def decisions(count: int, first_ms: int, span_ms: int) -> Iterator[Row]:
    """Yield rows in the order of time: 200 dialled numbers, a million callers, outages, an old drill, rare tiers."""
    dice = random.Random(7)
    for nth in range(count):
        at = first_ms + nth * span_ms // max(count, 1)
        text = f"{at:012x}"
        caller = f"79{dice.randrange(1_000_000) * 773 % 1_000_000_000:09d}"
        did = f"7495{1_000_000 + min(199, int(dice.expovariate(1 / 20)))}"
        source, rule, status, trail, ms = _answer(nth, count, dice)
        yield (
            *(f"{text[:8]}-{text[8:]}-7{nth & 0xFFF:03x}-8{dice.getrandbits(60):015x}"[:36], at, "pbx1"),
            *(f"{at // 1000}.{nth}", f"{at // 1000}.{nth}", did, "8" + caller[1:], did, caller, "init", ""),
            *("from-trunk", f"PJSIP/trunk-{nth & 0xFFFFFFFF:08x}", source, rule, status, int(nth % 5000 == 0)),
            *(_ROUTE, trail, 0.4, ms - 0.3, 0.05, ms - 0.5, 0.2, 0.1, ms),
        )


def _answer(nth: int, count: int, dice: random.Random) -> tuple[str, str, str, str, float]:
    if nth == count // 6:
        return "synced", "lonely", "ok", _LIVE, 0.9
    if nth in {count // 7, count // 5}:
        return "last_resort", "", "degraded", _LOCAL % "", 1500.0
    drill = count // 3 <= nth < count // 3 + 500
    chance = dice.random()
    if drill or nth // max(count // 50, 1) % 8 == 3 or chance < 0.004:  # noqa: PLR2004 - the shape of the example
        rule = f"office {min(59, int(dice.expovariate(1 / 8)))}"
        return "fallback", rule, "degraded", _LOCAL % ("drill: hang: " if drill else ""), 300 + dice.random() * 8
    if chance < 0.02:  # noqa: PLR2004 - the same
        return "override", f"pinned {dice.randrange(20)}", "ok", _LIVE, 0.6 + dice.random()
    return "live", "", "ok", _LIVE, min(295.0, dice.lognormvariate(4.0, 0.35))


_INSERT = f"""INSERT INTO decisions ({", ".join((*DECISION_COLUMNS, "ms"))})
    VALUES ({", ".join("?" * (len(DECISION_COLUMNS) + 1))})"""  # noqa: S608 - our own names


def build(path: Path, count: int) -> None:
    began_s = perf_counter()
    fill(path, decisions(count, FIRST_MS, SPAN_MS))
    print(f"built {count:,} decisions, {path.stat().st_size / 1e6:,.0f} MB, in {perf_counter() - began_s:.0f} s")


def fill(path: Path, rows: Iterator[Row]) -> None:
    """Make a journal of decisions; an index is made behind them, as that is faster and ends the same."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.create(connection)
        connection.execute("PRAGMA synchronous = OFF")
        indexes = [sql for sql in schema.STATEMENTS if "INDEX" in sql and " ON decisions " in sql]
        for sql in indexes:
            connection.execute(f"DROP INDEX {sql.split(' ON ')[0].split()[-1]}")
        while batch := list(islice(rows, _AT_ONCE)):
            connection.execute("BEGIN")
            connection.executemany(_INSERT, batch)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for sql in indexes:
            connection.execute(sql)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def questions(count: int) -> dict[str, Wanted]:
    did, caller = Numbers(("74951000003",)), Numbers((_caller(count),))
    old_ms = FIRST_MS + SPAN_MS // 10
    return {
        "(none)": Wanted(),
        "--did (frequent)": Wanted(did=did),
        "--did (not there)": Wanted(did=Numbers(("74959999999",))),
        "--did 7495*": Wanted(did=Numbers(("7495",), prefix=True)),
        "--caller (five calls)": Wanted(caller=caller),
        "--caller (not there)": Wanted(caller=Numbers(("70000000000",))),
        "--caller 7900*": Wanted(caller=Numbers(("7900",), prefix=True)),
        "--source live": Wanted(source="live"),
        "--source last_resort (two rows)": Wanted(source="last_resort"),
        "--source remembered (none)": Wanted(source="remembered"),
        "--status ok": Wanted(status="ok"),
        "--status degraded": Wanted(status="degraded"),
        "--rule 'office 3'": Wanted(rule="office 3"),
        "--rule lonely (one row)": Wanted(rule="lonely"),
        "--since/--until (an old hour)": Wanted(since_ms=old_ms, until_ms=old_ms + 3_600_000),
        "--slow 10ms": Wanted(slow_ms=10.0),
        "--slow 200ms": Wanted(slow_ms=200.0),
        "--slow 1s (two rows)": Wanted(slow_ms=1000.0),
        "--slow 5s (none)": Wanted(slow_ms=5000.0),
        "--drill": Wanted(drill=True),
        "--did --caller": Wanted(did=did, caller=caller),
        "--did --status degraded": Wanted(did=did, status="degraded"),
        "--did --rule lonely (none)": Wanted(did=did, rule="lonely"),
        "--did --slow 250ms --since": Wanted(did=did, slow_ms=250.0, since_ms=old_ms),
        "--source fallback --drill": Wanted(source="fallback", drill=True),
        "--status ok --slow 2s (none)": Wanted(status="ok", slow_ms=2000.0),
        "--source override --status degraded": Wanted(source="override", status="degraded"),
        "all of them": Wanted(did, caller, "live", "ok", "lonely", old_ms, None, 1.0, drill=True),
    }


def _caller(count: int) -> str:
    return str(next(islice(decisions(count, FIRST_MS, SPAN_MS), 20, None))[8])


def ask(path: Path, count: int) -> None:
    slow: list[str] = []
    print(f"{'filter':<38}{'first ms':>10}{'then ms':>10}{'CPU ms':>10}{'rows':>6}")
    for name, wanted in questions(count).items():
        taken: list[float] = []
        cpu: list[float] = []
        for _ in range(4):
            began_s, cpu_began_s = perf_counter(), process_time()
            found = list(search(path, wanted, limit=20))
            taken.append((perf_counter() - began_s) * 1000)
            cpu.append((process_time() - cpu_began_s) * 1000)
        slow += [name] if taken[0] > BOUND_MS else []
        print(f"{name:<38}{taken[0]:>10.1f}{max(taken[1:]):>10.1f}{min(cpu):>10.1f}{len(found):>6}")
    print(f"filters over {BOUND_MS:.0f} ms: {', '.join(slow) or 'none'}")
    began_s = perf_counter()
    statistics(path, Wanted(), SystemClock().now_at().tzinfo or UTC)
    print(f"decisions stats over everything: {perf_counter() - began_s:.1f} s")


def write(path: Path) -> None:
    """Print what a decision and its times cost the writer's thread, with all indexes."""
    start_ms = int(SystemClock().now_at().timestamp() * 1000)
    for batch, count in ((1, 5_000), (20, 40_000)):
        rows = [row[:-1] for row in decisions(count, start_ms + batch * 10_000_000, count)]
        with closing(connect(path)) as connection:
            took_s, cpu_s = _written(path, connection, rows, batch)
        each_us, cpu_us = took_s / count * 1e6, cpu_s / count * 1e6
        print(f"a decision and its times written, {batch:>2} at a time: {each_us:.0f} us, {cpu_us:.0f} us of CPU")


def _written(path: Path, connection: sqlite3.Connection, rows: list[Row], batch: int) -> tuple[float, float]:
    took_s = cpu_s = 0.0
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        times = [(0.2, 0.1, 60.0 + start % 977 / 10, row[0]) for row in part]
        began_s, cpu_began_s = perf_counter(), process_time()
        statements.run(connection, statements.many(statements.decisions, part))
        statements.run(connection, statements.many(statements.times, times))
        took_s += perf_counter() - began_s
        cpu_s += process_time() - cpu_began_s
        checkpoint(path, connection)
    return took_s, cpu_s


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    place = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.gettempdir(), f"journal-{count}-{os.getpid()}.db")  # noqa: PLR2004 - the second argument
    if not place.exists():
        build(place, count)
    ask(place, count)
    write(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
