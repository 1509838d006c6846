"""The duty of fetching routes: a process of its own each time, at a pace that the CRM can bear.

What went wrong is an Incident, and its end another; the routes serve on whatever happens here.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import datetime
from random import SystemRandom
from typing import Any

import msgspec

from fallbackrouter.clock import load_zone
from fallbackrouter.config.build import default_zone
from fallbackrouter.control.lines import Message
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.plan import end_at_once
from fallbackrouter.daemon.programs import child_environ, own_command
from fallbackrouter.jobs.sync_pace import Pace
from fallbackrouter.jobs.sync_state import FAILING, SyncState, load_state
from fallbackrouter.log import get_log

PART = "routes feed"
RUN_S = 7200.0
"""A sync that takes longer is ended; the next one tries again."""
FIRST_S = 1.0
"""How soon after the start the first one runs."""
BUSY_S = 5.0
_SYNC = "_sync"


class SyncRoutes:
    """Keeps routes.db as the CRM has it."""

    def __init__(self, inside: Inside) -> None:
        settings = inside.settings
        self._inside = inside
        self._folder = inside.journal_path.parent
        self._log = get_log("sync")
        self._pace = Pace(settings.sync.every_s, settings.sync.max_backoff_s)
        self._windows = tuple(map(parse_window, settings.sync.window))
        self._zone = load_zone(default_zone(settings))
        self._chance = SystemRandom().random
        self._wanted = asyncio.Event()
        self._full_wanted = False
        self._running: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._state = SyncState()
        self._told: tuple[str, str] = ("", "")
        self._next_s = 0.0
        self._count = 0

    @classmethod
    def where_wanted(cls, inside: Inside) -> "SyncRoutes | None":
        """Return the duty, None where the CRM feeds no routes."""
        return cls(inside) if inside.settings.crm.routes_url else None

    async def start(self) -> None:
        """Begin."""
        self._state = await self._in_thread_state()
        self._running = asyncio.create_task(self._run(), name="sync")

    async def close(self) -> None:
        """End; a sync that is under way is ended with it, and leaves the routes as they were."""
        if self._running is not None:
            self._running.cancel()
        if self._process is not None and self._process.returncode is None:
            end_at_once(self._process)

    def commands(self) -> Mapping[str, Answer]:
        """Answer `sync`: run one now."""
        return {"sync": self._now}

    async def _now(self, message: Message) -> Message:
        self._full_wanted = self._full_wanted or bool(message.get("full"))
        self._wanted.set()
        return {"wanted": True}

    def facts(self) -> Message:
        """Tell how old the routes are and how the feed does."""
        state = self._state
        now_at = self._inside.clock.now_at()
        age_s = None if state.synced_at is None else max(0.0, (now_at - state.synced_at).total_seconds())
        return {
            "sync": {
                "state": self._named(state, age_s),
                "since": _iso(state.since),
                "synced_at": _iso(state.synced_at),
                "age_s": None if age_s is None else round(age_s, 1),
                "error": state.error,
                "failures": state.failures,
                "rows": state.last.count if state.last else 0,
                "running": self._process is not None,
                "next_in_s": round(max(0.0, self._next_s - self._inside.clock.now_s()), 1),
            }
        }

    def _named(self, state: SyncState, age_s: float | None) -> str:
        """Return ok, failing, stale or never."""
        if state.state != FAILING and age_s is not None and age_s > self._inside.settings.sync.stale_after_s:
            return "stale"
        return state.state

    async def _run(self) -> None:
        wait_s = FIRST_S
        while True:
            self._next_s = self._inside.clock.now_s() + wait_s
            await self._rest(wait_s)
            try:
                wait_s = await self._once()
            except Exception:  # noqa: BLE001 - routes serve on whatever happens here, and the next sync is due
                self._log.exception("syncing routes failed in our own code")
                wait_s = self._pace.next_s(1, self._chance(), None)

    async def _rest(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._wanted.wait(), wait_s)
        except TimeoutError:
            return
        self._wanted.clear()

    async def _once(self) -> float:
        """Sync once, tell of it, and return how long to wait for the next."""
        full, self._full_wanted = self._full_wanted, False
        only_full = bool(self._state.generation) and not self._state.cursor
        if only_full and not full and not self._may_be_full():
            return self._pace.next_s(0, self._chance(), None)
        result = await self._in_process(full=full)
        self._state = await self._in_thread_state()
        if result.get("busy"):
            return BUSY_S
        if result.get("ok"):
            self._tell_well(result)
            self._inside.say({"say": "routes_changed"})
        else:
            self._tell_failed(str(result.get("error", "")))
        return self._pace.next_s(self._state.failures, self._chance(), self._state.retry_after_s)

    def _may_be_full(self) -> bool:
        """Tell whether all routes may be fetched now (`sync.window`)."""
        if not self._windows:
            return True
        local = self._inside.clock.now_at().astimezone(self._zone)
        return any(window.contains(local) for window in self._windows)

    async def _in_process(self, *, full: bool) -> Mapping[str, Any]:
        order = {
            "settings": msgspec.to_builtins(self._inside.settings),
            "base": str(self._inside.loaded.base),
            "token": self._inside.token,
            "full": full,
        }
        self._process = process = await asyncio.create_subprocess_exec(
            *own_command(),
            _SYNC,
            env=child_environ(os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(RUN_S):
                out, _ = await process.communicate(json.dumps(order).encode() + b"\n")
        except TimeoutError:
            return {"ok": False, "error": f"a sync did not end within {RUN_S:g} s"}
        finally:
            self._process = None
            if process.returncode is None:
                end_at_once(process)
        lines = out.splitlines()
        if not lines:
            return {"ok": False, "error": f"the sync's process ended without a word (status {process.returncode})"}
        result: Mapping[str, Any] = json.loads(lines[-1])
        return result

    def _tell_well(self, result: Mapping[str, Any]) -> None:
        changes = result.get("changes")
        if changes:
            counts = {name: changes[name] for name in ("count", "added", "changed", "removed")}
            self._log.info("routes synced", full=result["full"], set_aside=result["set_aside"], **counts)
        self._incident("ok", "the feed is well")

    def _tell_failed(self, error: str) -> None:
        if self._told != ("failing", error):
            self._log.error("routes could not be synced, the former ones serve on", reason=error)
        self._incident("failing", error)

    def _incident(self, state: str, reason: str) -> None:
        former, self._told = self._told, (state, reason)
        if former[0] != state and (former[0] or state != "ok"):
            self._inside.journal.record_incident(PART, state, reason, self._inside.clock.now_at())

    async def _in_thread_state(self) -> SyncState:
        return await asyncio.wrap_future(self._inside.writing.submit(load_state, self._folder))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
