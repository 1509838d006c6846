"""`journal backup` and `journal check`: a copy of the record, and whether it is sound."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, say
from fallbackrouter.core.errors import StoreError

if TYPE_CHECKING:
    from fallbackrouter.store.backup import OnProgress
    from fallbackrouter.store.examined import Examined

app = typer.Typer(help="The record itself: copy it, check it.", no_args_is_help=True)

_MB = 1_000_000


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to make; it must not be there yet.")],
    config: ConfigOption = None,
) -> None:
    """Copy the journal of a router that may be running: one file, of one moment, whole or not there."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.backup import back_up

    size = back_up(open_house(config).journal, file, _progress())
    say(f"{file} holds the journal, {size / _MB:,.1f} MB")


def _progress() -> "OnProgress":
    """Return what shows how far it is, on a terminal; nothing elsewhere."""

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == total else ""
            sys.stderr.write(f"\rcopied {done / max(total, 1):.0%}{end}")
            sys.stderr.flush()

    return show


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read the whole journal and tell whether it is sound; exit 1 where it is damaged."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.store.examined import examine

    journal = open_house(config).journal
    found = examine(journal)
    if as_json:
        put_json(_told(found))
    else:
        _show(found)
    if found.damage:
        raise StoreError(
            f"{journal} is damaged; stop the service, keep a copy of the file with its -wal and -shm, "
            "and read what can be read by `sqlite3 journal.db .recover`"
        )


def _told(found: "Examined") -> dict[str, object]:
    return {
        "v": 1,
        "ok": not found.damage,
        "damage": found.damage,
        "remarks": found.remarks,
        "schema": found.schema,
        "rows": found.counts,
        "events": found.states,
        "oldest": found.oldest,
        "newest": found.newest,
        "file_bytes": found.file_bytes,
        "free_bytes": found.free_bytes,
    }


def _show(found: "Examined") -> None:
    for damage in found.damage:
        complain(f"damage: {damage}")
    if not found.damage:
        say("every page and every index is sound")
    if found.counts:
        size, free = found.file_bytes / _MB, found.free_bytes / _MB
        say(f"schema {found.schema}, {size:,.1f} MB, of which {free:,.1f} MB are free")
        say(", ".join(f"{count:,} {table}" for table, count in found.counts.items()))
    if found.states:
        say("events: " + ", ".join(f"{count:,} {state}" for state, count in found.states.items()))
    if found.oldest:
        say(f"decisions from {found.oldest} to {found.newest}")
    for remark in found.remarks:
        say(f"note: {remark}")
