"""What the synced routes name: their results, each once. Never on a call's behalf."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from fallbackrouter.store.faults import refusal
from fallbackrouter.store.route_tables import SCHEMA


def route_results(path: Path, names: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield the results of routes.db that hold one of these variables, each once; nothing where there is no such file.

    Args:
        names: beginnings of the variables' names.

    Raises:
        StoreError: the file is damaged.
    """
    if not path.exists():
        return
    likes = " OR ".join("result LIKE ?" for _ in names)
    query = f"SELECT DISTINCT result FROM bodies WHERE {likes}"  # noqa: S608 - placeholders alone
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        with closing(source):
            if source.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
                return
            for (result,) in source.execute(query, [f'%"{name}%' for name in names]):
                yield msgspec.json.decode(result, type=dict[str, str])
    except sqlite3.Error as error:
        raise refusal(path, error) from None
