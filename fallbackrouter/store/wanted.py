"""Which decisions are asked for, and the SQL that finds them: newest first, by an index whatever the filters.

Its rules: each filter has an index that it can be answered by, so that none reads the whole journal; of several
filters, the one that leaves the least is followed and the others are tried on what it leads to; the index is named in
the SQL, so that the planner cannot choose another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf

from fallbackrouter.core.decision import DEGRADED, OK
from fallbackrouter.core.tier import DEFAULT_ORDER

STATUSES = (OK, DEGRADED)
SOURCES = DEFAULT_ORDER
_LAST_CHAR = "\U0010ffff"
DRILLED = """instr(trail, '"drill: ') > 0"""
"""True of a decision that a drill touched; spelled as in the index, which SQLite compares word by word."""
_BANDS = (
    ("decisions_over_1000_ms", "ms >= 1000", inf),
    ("decisions_over_400_ms", "ms >= 400 AND ms < 1000", 1000.0),
    ("decisions_over_100_ms", "ms >= 100 AND ms < 400", 400.0),
    ("decisions_over_10_ms", "ms >= 10 AND ms < 100", 100.0),
    ("decisions_under_10_ms", "ms < 10", 10.0),
)
"""Indexes of decisions by what they took: the index, its condition, and what they took less than, in ms."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number that is asked for.

    Attributes:
        keys: its normalised form, and its pseudonym where numbers are hidden by one; any of them will do.
        prefix: all that begin so.
    """

    keys: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What decisions have to be like; what is left out is anything.

    Attributes:
        since_ms: not before this moment, ms since 1970, UTC.
        until_ms: before this moment.
        slow_ms: took at least so long.
        drill: True: a drill touched it.
        tests: False: no questions of our own.
    """

    did: Numbers | None = None
    caller: Numbers | None = None
    source: str = ""
    status: str = ""
    rule: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    slow_ms: float | None = None
    drill: bool = False
    tests: bool = True


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL, with the values that it binds."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What one index leads to, where a condition holds that it can be searched by, in the order of time."""

    index: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Way:
    """What leads to what is wanted: one or more parts of one index, or of several that have nothing in common.

    Attributes:
        in_order: it leads there newest first.
        crowded: it does not, and leads to very many: the newest decisions are looked through first.
    """

    parts: tuple[Part, ...]
    in_order: bool = True
    crowded: bool = False

    @classmethod
    def by(cls, index: str, conditions: Sequence[Condition], *, in_order: bool = True) -> "Way":
        """Return the way by these parts of one index."""
        return cls(tuple(Part(index, condition) for condition in conditions), in_order)


def _number(column: str, numbers: Numbers | None) -> tuple[Condition, ...]:
    if numbers is None:
        return ()
    if numbers.prefix:
        return tuple(Condition(f"{column} >= ? AND {column} < ?", (key, key + _LAST_CHAR)) for key in numbers.keys)
    return tuple(Condition(f"{column} = ?", (key,)) for key in numbers.keys)


def _origin(wanted: Wanted) -> tuple[Condition, ...]:
    if not wanted.source and not wanted.status:
        return ()
    sources = (wanted.source,) if wanted.source else SOURCES
    statuses = (wanted.status,) if wanted.status else STATUSES
    return tuple(Condition("source = ? AND status = ?", pair) for pair in product(sources, statuses))


def ways(wanted: Wanted) -> list[Way]:
    """Return the indexes that lead to what is wanted, the likely best first; that of time where no other does."""
    found = [
        Way.by("decisions_by_caller", _number("caller_key", wanted.caller), in_order=_exact(wanted.caller)),
        Way.by("decisions_by_did", _number("did_key", wanted.did), in_order=_exact(wanted.did)),
        Way.by("decisions_by_rule", (Condition("rule <> '' AND rule = ?", (wanted.rule,)),) if wanted.rule else ()),
        Way.by("decisions_drilled", (Condition(DRILLED),) if wanted.drill else ()),
        Way.by("decisions_by_source", _origin(wanted)),
    ]
    leading = [way for way in found if way.parts]
    in_order = [way for way in leading if way.in_order]
    if in_order:
        return in_order
    return _out_of_order(wanted, leading) or [by_time()]


def _out_of_order(wanted: Wanted, leading: list[Way]) -> list[Way]:
    """Return what alone knows who is wanted; what it leads to is sorted before a row is read."""
    if not wanted.tests:
        return []
    if wanted.slow_ms is not None:
        return [] if leading else [by_slowness(wanted.slow_ms, in_order=False)]
    return leading if len(leading) == 1 else []


def by_time() -> Way:
    """Return the index that leads to everything."""
    return Way.by("decisions_by_time", (Condition("true"),))


def by_slowness(slow_ms: float, *, in_order: bool = True) -> Way:
    """Return the indexes that know which decisions took at least so long."""
    slow = tuple(
        Part(index, Condition(f"{band} AND ms >= ?", (slow_ms,)))
        for index, band, below_ms in _BANDS
        if below_ms > slow_ms
    )
    return Way(slow, in_order)


def _exact(numbers: Numbers | None) -> bool:
    return numbers is None or not numbers.prefix


def conditions(wanted: Wanted) -> list[Condition]:
    """Return everything that is wanted but the time, as it is tried on a row."""
    numbers = (_number("did_key", wanted.did), _number("caller_key", wanted.caller))
    found = [_any(parts) for parts in numbers if parts]
    found += [Condition(f"{name} = ?", (value,)) for name, value in _plain(wanted) if value]
    if wanted.slow_ms is not None:
        found.append(Condition("ms >= ?", (wanted.slow_ms,)))
    if wanted.drill:
        found.append(Condition(DRILLED))
    if not wanted.tests:
        found.append(Condition("test = 0"))
    return found


def _plain(wanted: Wanted) -> Iterator[tuple[str, str]]:
    yield from (("source", wanted.source), ("status", wanted.status), ("rule", wanted.rule))


def _any(parts: Sequence[Condition]) -> Condition:
    sql = " OR ".join(f"({part.sql})" for part in parts)
    return Condition(f"({sql})", tuple(value for part in parts for value in part.values))


def in_time(wanted: Wanted, before: tuple[int, str] | None = None) -> list[Condition]:
    """Return the conditions on the moment.

    Args:
        before: `at` and id of a decision: only what stands behind it in the list.
    """
    found = []
    if wanted.since_ms is not None:
        found.append(Condition("at >= ?", (wanted.since_ms,)))
    if wanted.until_ms is not None:
        found.append(Condition("at < ?", (wanted.until_ms,)))
    if before is not None:
        found.append(Condition("at <= ? AND (at < ? OR id < ?)", (before[0], *before)))
    return found


def joined(found: Sequence[Condition]) -> Condition:
    """Return what is true where all of these are."""
    sql = " AND ".join(one.sql for one in found) or "true"
    return Condition(sql, tuple(value for one in found for value in one.values))


def page_sql(way: Way, wanted: Wanted, before: tuple[int, str] | None, limit: int) -> Condition:
    """Return the SQL of one page of decisions, newest first, following one index."""
    if not way.in_order:
        return _page_out_of_order(way, wanted, before, limit)
    parts = [_selected("*", part, wanted, before) for part in way.parts]
    sql = " UNION ALL ".join(part.sql for part in parts)
    values = tuple(value for part in parts for value in part.values)
    return Condition(f"{sql} ORDER BY at DESC, id DESC LIMIT ?", (*values, limit))


def newest_sql(wanted: Wanted, before: tuple[int, str] | None, limit: int, among: int) -> Condition:
    """Return the SQL of what there is of a page among so many decisions that come next in the order of time.

    As many rows as a page has are the page.
    """
    behind = joined(in_time(wanted, before))
    page = _selected("*", by_time().parts[0], wanted, before)
    last = f"SELECT at FROM decisions INDEXED BY decisions_by_time WHERE {behind.sql} ORDER BY at DESC LIMIT 1 OFFSET ?"  # noqa: S608 - our own names
    sql = f"{page.sql} AND at >= ifnull(({last}), 0) ORDER BY at DESC, id DESC LIMIT ?"
    return Condition(sql, (*page.values, *behind.values, among, limit))


def _page_out_of_order(way: Way, wanted: Wanted, before: tuple[int, str] | None, limit: int) -> Condition:
    """Sort no more than moments and row numbers, and read only the rows that are shown.

    Those of the last moment are all looked at, as the next page goes on behind one of them by its id.
    """
    parts = [_followed("at, rowid AS place", part, in_time(wanted, before)) for part in way.parts]
    each = " UNION ALL ".join(part.sql for part in parts)
    last = joined([*in_time(wanted, before), *conditions(wanted)])
    sql = f"""
        WITH newest AS MATERIALIZED (SELECT at, place FROM ({each}) ORDER BY at DESC LIMIT ?)
        SELECT * FROM decisions WHERE rowid IN (
            SELECT place FROM newest
            UNION ALL
            SELECT rowid FROM decisions INDEXED BY decisions_by_time
            WHERE at = (SELECT min(at) FROM newest) AND {last.sql})
        ORDER BY at DESC, id DESC LIMIT ?"""  # noqa: S608 - our own names
    return Condition(sql, (*(value for part in parts for value in part.values), limit, *last.values, limit))


def _selected(what: str, part: Part, wanted: Wanted, before: tuple[int, str] | None = None) -> Condition:
    return _followed(what, part, [*in_time(wanted, before), *conditions(wanted)])


def _followed(what: str, part: Part, more: Sequence[Condition]) -> Condition:
    found = joined([part.condition, *more])
    return Condition(f"SELECT {what} FROM decisions INDEXED BY {part.index} WHERE {found.sql}", found.values)  # noqa: S608 - our own names


def count_sql(way: Way, wanted: Wanted, limit: int) -> Condition:
    """Return the SQL that counts what an index leads to, up to a limit, without reading a row."""
    found = [_followed("1", part, in_time(wanted)) for part in way.parts]
    sql = " UNION ALL ".join(one.sql for one in found)
    values = tuple(value for one in found for value in one.values)
    return Condition(f"SELECT count(*) FROM ({sql} LIMIT ?)", (*values, limit))  # noqa: S608 - our own names


def grouped_sql(way: Way, wanted: Wanted, names: Sequence[str]) -> Condition:
    """Return the SQL that counts decisions by expressions, as (expressions…, count)."""
    parts = [_selected(", ".join(names), part, wanted) for part in way.parts]
    sql = " UNION ALL ".join(part.sql for part in parts)
    places = ", ".join(str(place) for place, _ in enumerate(names, 1))
    values = tuple(value for part in parts for value in part.values)
    return Condition(f"SELECT *, count(*) FROM ({sql}) GROUP BY {places}", values)  # noqa: S608 - our own names
