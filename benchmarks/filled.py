"""Fills what grows: rule files, remembered answers and a journal of years, with the calls that find their way there."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.feed import did_of
from benchmarks.journal import decisions, fill
from fallbackrouter.clock import SystemClock
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.route import Route
from fallbackrouter.store.journal_file import JournalFile
from fallbackrouter.store.remembered import RememberedEntry
from fallbackrouter.store.rows import Row
from fallbackrouter.tiers.remembered import question_key

CALLERS = 5_000
"""The load generator has so many."""
SPAN = timedelta(days=100)
_DAY_S = 86_400
_KINDS = 10


@dataclass(frozen=True)
class Dialled:
    """Whom a rule is for: what stands in its file, and how its numbers begin; what is left of 11 digits is any."""

    written: str
    begins: str


def dialled(nth: int) -> Dialled:
    """Return whom the nth rule is for: a number each, of every ten rules two with a hundred numbers by a pattern."""
    if nth % _KINDS in {7, 8}:
        return Dialled(f"_7496{nth:05d}XX", f"7496{nth:05d}")
    return Dialled(did_of(nth), did_of(nth))


def rules(count: int) -> str:
    """Return a rule file as an admin's is: of ten rules two ask who calls, two have hours; the last takes all calls."""
    more = {
        5: "caller: _7495XXXXXXX, ",
        6: "caller: [_7916XXXXXXX, _7917XXXXXXX], ",
        8: 'when: "09:00-18:00,mon-fri", timezone: Europe/Moscow, ',
        9: 'when: "08:00-20:00,sat-sun", timezone: Europe/Moscow, ',
    }
    lines = [
        f"- {{name: rule {nth}, did: {dialled(nth).written!r}, {more.get(nth % _KINDS, '')}"
        f'route: {{app: group, num: "{nth}", time: "60"}}}}\n'
        for nth in range(count - 1)
    ]
    return "".join([*lines, '- {name: others, did: any, route: {app: queue, num: "800"}}\n'])


def rule_dids(count: int, wanted: int, dice: random.Random) -> list[str]:
    """Return dialled numbers, of all rules alike; a pattern's are any of its hundred."""
    begin = (dialled(dice.randrange(count - 1)).begins for _ in range(wanted))
    return [f"{text}{dice.randrange(100):02d}"[: len(did_of(0))] for text in begin]


def remember(data: Path, count: int, calls: int) -> None:
    """Write so many fresh answers, as the router does: the nth to the call of `remembered_did`."""
    now, route = SystemClock().now_at(), Route((("app", "group"), ("num", "62"), ("time", "60")))
    keys = (question_key(_call(did_of(nth), nth % calls)) for nth in range(count))
    file = JournalFile(data / "journal.db", SystemClock(), print, _DAY_S)
    file.write_later((), (RememberedEntry(key, route, now, _DAY_S / 2) for key in keys), ())
    file.close()


def remembered_dids(count: int, calls: int, dice: random.Random) -> list[str]:
    """Return whom the callers 0 to `calls` ask for: each one of its own remembered questions."""
    return [did_of(dice.randrange(count // calls) * calls + caller) for caller in range(calls)]


def _call(did: str, caller: int) -> Call:
    return Call(read_number(did, None), read_number(f"7495{caller:07d}", None))


def write_journal(data: Path, count: int, dids: Sequence[str]) -> None:
    """Make a journal of so many decisions of the last SPAN, of the same calls that come next: spread over its indexes.

    Rows of others would leave each index's newest end to the calls that are measured, which would hide what grows.
    """
    fill(data / "journal.db", _of(dids, count))


def _of(dids: Sequence[str], count: int) -> Iterator[Row]:
    dice = random.Random(11)
    first_ms = int((SystemClock().now_at() - SPAN).timestamp() * 1000)
    span_ms = int(SPAN.total_seconds() * 1000)
    for row in decisions(count, first_ms, span_ms):
        did, caller = dice.choice(dids), f"7495{dice.randrange(CALLERS):07d}"
        yield (*row[:5], did, caller, did, caller, *row[9:])
