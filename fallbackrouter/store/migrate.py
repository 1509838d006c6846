"""Brings journal.db to the schema of this code, with Alembic; makes it where it is missing.

Its rules: all migrations of one start in one transaction, so that a failed one leaves the journal as it was; a
journal newer than the code is refused, never touched; Alembic neither logs nor prints.
"""

import sqlite3
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from fallbackrouter.core.errors import StoreError
from fallbackrouter.store.engine import migration_engine
from fallbackrouter.store.faults import refusal
from fallbackrouter.store.schema import FOUNDATION


def upgrade(path: Path) -> None:
    """Make the journal, or bring it to this code's schema. Blocking: seconds on a large journal.

    Raises:
        StoreError: it was written by a newer fallbackrouter, cannot be written, or is locked.
        DamagedError: it is no SQLite database, or a damaged one.
    """
    engine = migration_engine(path)
    config = _config()
    try:
        _lay_foundation(engine)
        with engine.begin() as connection:
            _refuse_newer(path, connection, config)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (DBAPIError, sqlite3.Error) as error:
        raise refusal(path, getattr(error, "orig", None) or error) from None
    finally:
        engine.dispose()


def schema_version(path: Path) -> str:
    """Return the journal's schema, "" where there is no journal or an empty one.

    Raises:
        StoreError: it cannot be read.
    """
    if not path.exists():
        return ""
    engine = migration_engine(path)
    try:
        with engine.connect() as connection:
            return _version_of(connection)
    except (DBAPIError, sqlite3.Error) as error:
        raise refusal(path, getattr(error, "orig", None) or error) from None
    finally:
        engine.dispose()


def _lay_foundation(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        for statement in FOUNDATION:
            raw.cursor().execute(statement)
    finally:
        raw.close()


def _version_of(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _refuse_newer(path: Path, connection: Connection, config: Config) -> None:
    version = _version_of(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version and version not in known:
        raise StoreError(
            f"{path} was written by a newer fallbackrouter (schema {version}); "
            "install that version or newer, or move the file away"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> Path:
    """Return where the migrations lie: in the installed package, else beside the package in a checkout."""
    package = Path(str(files("fallbackrouter")))
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(f"the migrations are missing from {package}; install fallbackrouter anew")
