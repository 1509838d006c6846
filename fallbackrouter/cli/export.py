"""`decisions export`: decisions for other programs, streamed, so that millions take no memory.

Spreadsheets run what a cell begins with `=`, `+`, `-`, `@`, a tab or a line's end for a formula, and callers may
write into what is kept; so in csv such a cell gets an apostrophe in front, which they show as text.
"""

import csv
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from fallbackrouter.cli.filters import (
    CallerOption,
    DidOption,
    DrillOption,
    RuleOption,
    SinceOption,
    SlowOption,
    SourceOption,
    StatusOption,
    UntilOption,
    wanted_of,
)
from fallbackrouter.cli.options import ConfigOption

COLUMNS = ("id", "at", "node", "call_id", "did", "caller", "stage", "source", "rule", "status", "ms", "test")
JSON_COLUMNS = ("route", "trail")
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n")


class Format(StrEnum):
    """How decisions are written."""

    CSV = "csv"
    NDJSON = "ndjson"


def export(
    form: Annotated[Format, typer.Option("--format", help="csv, or ndjson: one JSON object a line.")],
    did: DidOption = "",
    caller: CallerOption = "",
    source: SourceOption = "",
    status: StatusOption = "",
    rule: RuleOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    slow: SlowOption = "",
    drill: DrillOption = False,
    config: ConfigOption = None,
) -> None:
    """Write decisions to stdout, newest first, for other programs; the filters are those of `list`."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.search import search

    house = open_house(config)
    numbers = {"did": did, "caller": caller}
    times = {"since": since, "until": until, "slow": slow}
    wanted = wanted_of(house, **numbers, **times, source=source, status=status, rule=rule, drill=drill)
    rows = search(house.journal, wanted)
    if form is Format.CSV:
        _put_csv(rows)
    else:
        encode = msgspec.json.Encoder().encode
        for row in rows:
            sys.stdout.write(encode(row).decode() + "\n")
    sys.stdout.flush()


def _put_csv(rows: Iterator[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*COLUMNS, *JSON_COLUMNS))
    for row in rows:
        writer.writerow(cells(row))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a decision as the cells of a line; no cell is run by a spreadsheet."""
    plain = ("" if row[name] is None else str(row[name]) for name in COLUMNS)
    nested = (msgspec.json.encode(row[name]).decode() for name in JSON_COLUMNS)
    return ["'" + cell if cell.startswith(_RUN_BY_SPREADSHEETS) else cell for cell in (*plain, *nested)]
