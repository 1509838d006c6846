"""`routes status`, `list`, `show` and `export`: what the CRM fed us, and how old it is."""

import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption, LimitOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.core.errors import StoreError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House

app = typer.Typer(help="The CRM's routes, as they are kept here.", no_args_is_help=True)

COLUMNS = ("id", "did", "caller", "stage", "when", "priority", "route")
Row = Mapping[str, Any]

DidOption = Annotated[str, typer.Option("--did", metavar="NUMBER", help="Only routes that may win for this number.")]
CallerOption = Annotated[str, typer.Option("--caller", metavar="NUMBER", help="Only routes for this caller.")]


class Format(StrEnum):
    """How routes are written."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show how many routes there are, how old they are, and how the feed does."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.jobs.sync_status import sync_status

    house = open_house(config)
    told = sync_status(house.data_dir, now_at=SystemClock().now_at(), stale_after_s=house.settings.sync.stale_after_s)
    if as_json:
        put_json({"v": 1, **told.as_json()})
    else:
        for line in told.in_words():
            say(line)


@app.command("list")
def list_(
    did: DidOption = "",
    caller: CallerOption = "",
    config: ConfigOption = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show routes, all or those that match a number."""
    from fallbackrouter.cli.house import open_house

    rows = islice(_chosen(open_house(config), did, caller), limit)
    if as_json:
        for row in rows:
            put_json({"v": 1, **row})
    else:
        put_table("", COLUMNS, map(_line, rows))


@app.command()
def show(
    route: Annotated[str, typer.Argument(metavar="ID", help="As the feed names it, and FR_RULE tells it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one route."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.routes_read import find_route

    row = find_route(open_house(config).routes, route)
    if row is None:
        raise StoreError(f"there is no route {route}; `fallbackrouter routes list` shows what there is")
    if as_json:
        put_json({"v": 1, **row})
    else:
        put_table("", ("", ""), ((name, _text(value)) for name, value in row.items()))


@app.command()
def export(
    form: Annotated[Format, typer.Option("--format", help="csv, json (a feed, as `sync --from` takes it) or ndjson.")],
    did: DidOption = "",
    caller: CallerOption = "",
    config: ConfigOption = None,
) -> None:
    """Write routes to stdout, all or those that match."""
    from fallbackrouter.cli.house import open_house

    rows = _chosen(open_house(config), did, caller)
    {Format.CSV: _put_csv, Format.JSON: _put_feed, Format.NDJSON: _put_lines}[form](rows)


def _chosen(house: "House", did: str, caller: str) -> Iterator[dict[str, Any]]:
    from fallbackrouter.office.routes import chosen

    return chosen(house.office, did, caller)


def _put_csv(rows: Iterator[Row]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = ("id", "did", "caller", "stage", "when", "timezone", "priority", "valid_from", "valid_until")
    writer.writerow([*names, "result"])
    for row in rows:
        writer.writerow([*(_cell(row.get(name)) for name in names), _text(row["result"])])


def _cell(value: object) -> str:
    """Return a value that no spreadsheet takes for a formula."""
    text = _text(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and not text[1:].isdigit() else text


def _put_feed(rows: Iterator[Row]) -> None:
    import msgspec

    write = sys.stdout.write
    write('{"full": true, "routes": [')
    for number, row in enumerate(rows):
        write(",\n" if number else "\n")
        write(msgspec.json.encode(row).decode())
    write("\n]}\n")


def _put_lines(rows: Iterator[Row]) -> None:
    for row in rows:
        put_json(row)


def _line(row: Row) -> tuple[object, ...]:
    route = " ".join(f"{name}={value}" for name, value in row["result"].items())
    shown = [_text(row.get(name)) for name in COLUMNS[:-1]]
    return (*shown, route)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " & ".join(map(str, value))
    if isinstance(value, Mapping):
        return " ".join(f"{name}={part}" for name, part in value.items())
    return str(value)
