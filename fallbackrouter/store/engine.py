"""SQLAlchemy engines for the journal: one that migrates, one that asks.

Both leave transactions to us: SQLite's driver would commit before DDL, so that half a migration could stay. The one
that asks can neither write nor make a file.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from fallbackrouter.store.faults import refusal
from fallbackrouter.store.opened import require

_BUSY_MS = 5000


def migration_engine(path: Path) -> Engine:
    """Return an engine that may write and make the file; its transactions take the write lock at once."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    _leave_transactions_to_us(engine, "BEGIN IMMEDIATE")
    return engine


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[AsyncConnection]:
    """Open the journal for queries, and close it and its thread again.

    Raises:
        StoreError: there is no journal, or it cannot be read.
    """
    require(path)
    # mode=rw, as a read-only connection cannot make the -shm file that a journal in WAL mode needs.
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"}),
        poolclass=NullPool,
    )
    _leave_transactions_to_us(engine.sync_engine, "BEGIN", "PRAGMA query_only = ON")
    try:
        async with engine.connect() as connection:
            yield connection
    except (DBAPIError, sqlite3.Error) as error:
        raise refusal(path, getattr(error, "orig", None) or error) from None
    finally:
        await engine.dispose()


def _leave_transactions_to_us(engine: Engine, begin: str, *pragmas: str) -> None:
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for statement in (f"PRAGMA busy_timeout = {_BUSY_MS}", *pragmas):
            cursor.execute(statement)
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
