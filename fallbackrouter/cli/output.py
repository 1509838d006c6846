"""How commands speak: tables for people, JSON for programs, one sentence for what went wrong."""

import sys
from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 240
"""Columns of a table that goes to a file or a pipe, where nothing has to fit a screen."""


def say(text: str) -> None:
    """Print a plain line."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """Print a line for the person at the terminal, apart from the output."""
    sys.stderr.write(text + "\n")


def put_json(value: object) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def put_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; values are shown as they are, whatever they hold."""
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    table = Table(title=title or None, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    console.print(table)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}"
    return plain(str(value))


def plain(text: str) -> str:
    """Return a text without what would steer a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)
