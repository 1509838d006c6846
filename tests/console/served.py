"""The whole daemon with its console, a CRM beside it, and people who may log in."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self

from fallbackrouter.admin.passwords import hashed
from fallbackrouter.clock import SystemClock
from fallbackrouter.store.sessions import end_old_sessions
from fallbackrouter.store.users import add_user
from tests.fakes import asterisk
from tests.fakes.asterisk import Channel
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import wait_until
from tests.fakes.whole import DID, Whole, one_call, rule
from tests.proof.machine import PACE

PASSWORD = "correct horse battery"  # noqa: S105 - a test's
CALL_MS = 400 * PACE
EDITOR, OTHER, VIEWER = "anna", "boris", "vera"
RULES = (rule("night", DID, "62"), rule("office", "74952222222", "7"))


class Served:
    """Starts and ends it.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.crm = CrmProcess()
        self.whole = Whole(folder)
        self._numbers = count(1)
        # Playwright's synchronous interface holds this thread's event loop.
        self._beside = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def _start(self) -> None:
        self.crm.start()
        self.whole.rules(*RULES)
        self.whole.configure(
            f'[budget]\ncall_ms = {CALL_MS}\n[crm]\nurl = "{self.crm.url}"\n'
            "[rules]\nauto_apply = false\n[events]\nmax_rate = 0\n",
            agi="workers = 1",
            admin='listen = "127.0.0.1:0"',
        )
        self.service = self.whole.start().ready()
        wait_until(lambda: (self.service.status()["admin"] or {}).get("state") == "ready", "the web interface")
        self.url = f"http://{self.service.status()['admin_listen'][0]}"
        password = hashed(PASSWORD)
        for name, role in ((EDITOR, "editor"), (OTHER, "editor"), (VIEWER, "viewer")):
            add_user(self.admin_file, name, password, role, SystemClock().now_at())

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        for service in self.whole.services:
            service.end()
        self.crm.kill()
        self._beside.shutdown()

    @property
    def admin_file(self) -> Path:
        """Users, sessions and the audit log."""
        return self.whole.data_dir / "admin.db"

    def ask(self, did: str = DID) -> dict[str, str]:
        """Make a call by somebody who has not called before; return what it got."""
        outcome = self._beside.submit(lambda: asyncio.run(one_call(self.service.port, next(self._numbers), did)))
        found = outcome.result()
        assert found is not None
        return found.variables

    def report(self, call: str) -> None:
        """Have Asterisk report that a call began."""
        channel = Channel(exten=DID, caller="79500000001", uniqueid=call)
        told = self._beside.submit(
            lambda: asyncio.run(asterisk.call(self.service.port, "event,${EXTEN},start", channel, within_s=120))
        )
        assert told.result().variables["FR_STATUS"] == "ok"

    def event_states(self) -> list[str]:
        """Return the states of all events, oldest first."""
        return [row[0] for row in self.whole.query("SELECT state FROM events ORDER BY event_id")]

    def audit(self) -> list[tuple[str, ...]]:
        """Return who did what, oldest first."""
        with closing(sqlite3.connect(f"file:{self.admin_file}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT who, action, target, outcome FROM audit ORDER BY rowid").fetchall()

    def end_sessions(self) -> None:
        """Let all logins be as old as they may be."""
        end_old_sessions(self.admin_file, SystemClock().now_at() + timedelta(days=30), 60, 60)


class Calls:
    """Calls at a steady rate, in a thread of their own.

    Attributes:
        made: how many were answered.
    """

    def __init__(self, port: int, rate: int) -> None:
        self.made = 0
        self._port, self._rate = port, rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._call()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    async def _call(self) -> None:
        async with asyncio.TaskGroup() as calls:
            numbers = count(100_000)
            while not self._over.is_set():
                calls.create_task(self._one(next(numbers)))
                await asyncio.sleep(1 / self._rate)

    async def _one(self, number: int) -> None:
        outcome: Any = await one_call(self._port, number)
        self.made += outcome is not None
