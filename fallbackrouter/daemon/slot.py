"""One place that always has a child in it: started again when it ends, replaced when it hangs or the plan changes."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.daemon.backoff import Backoff
from fallbackrouter.daemon.child import Child
from fallbackrouter.daemon.parent_log import ParentLog

StartChild = Callable[[str], Awaitable[Child]]
OnIncident = Callable[[str, str, str], None]
"""part, state, reason"""

FIRST_TRIES = 5
"""A child that has never served and failed so often is not tried for ever: the start is given up with its reason."""
REPLACE_S = 60.0
"""What a new child has to become ready before the old one is kept instead."""


class Slot:
    """Keeps one child alive.

    Args:
        name: for people, "worker 1".
        start: starts a child by the plan that holds now.
        silence_s: a child that says nothing for longer is replaced.
        on_incident: told of every end and every hang.

    Attributes:
        child: the one that serves, or is about to; None before the first and while waiting for the next try.
        restarts: how often a child was started because another ended.
        first_ready: done when a child became ready for the first time; fails where that is given up.
    """

    def __init__(
        self, name: str, start: StartChild, *, silence_s: float, log: ParentLog, on_incident: OnIncident
    ) -> None:
        self.name = name
        self.silence_s = silence_s
        self.child: Child | None = None
        self.restarts = 0
        self.first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._start = start
        self._log = log
        self._on_incident = on_incident
        self._backoff = Backoff()
        self._closing = asyncio.Event()
        self._hung: asyncio.Task[None] | None = None
        self._troubled = False
        self._replacing = asyncio.Lock()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {name}")

    @property
    def ready(self) -> bool:
        """Tell whether a child serves here."""
        return self.child is not None and self.child.ready

    @property
    def healthy(self) -> bool:
        """Tell whether a child serves here and was heard lately."""
        return self.child is not None and self.child.ready and self.child.silent_for_s() < self.silence_s

    async def _keep(self) -> None:
        tries = 0
        while not self._closing.is_set():
            seen = self.child
            if seen is None:
                await self._try_start()
                continue
            status = await asyncio.shield(seen.over)
            if seen is not self.child or self._closing.is_set():
                continue  # another was put in its place, and is what to watch now
            tries += 1
            wait_s = self._backoff.after(seen.lived_s())
            self._tell_of_end(seen, status, wait_s)
            self._give_up_where_hopeless(seen, status, tries)
            await self._pause(wait_s)
            if seen is self.child:
                self.child = None
                self.restarts += 1

    async def _pause(self, wait_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), wait_s)

    async def _try_start(self) -> None:
        try:
            child = await self._start(self.name)
        except OSError as error:
            wait_s = self._backoff.after(0.0)
            self._log.error("no process can be started", part=self.name, reason=str(error), again_in_s=wait_s)
            await self._pause(wait_s)
            return
        if self.child is None and not self._closing.is_set():
            self.child = child
        else:
            await child.kill()

    def took_ready(self, child: Child) -> None:
        """Take note that a child has become ready."""
        if child is not self.child:
            return
        if not self.first_ready.done():
            self.first_ready.set_result(None)
        if self._troubled:
            self._troubled = False
            self._on_incident(self.name, "ready", "it was started again")

    def _tell_of_end(self, child: Child, status: int, wait_s: float) -> None:
        if status == 0:
            self._log.info(f"{self.name} ended as it was asked to, another follows", pid=child.pid)
            return
        reason = child.sentence or _why(status)
        self._log.error(f"{self.name} ended", pid=child.pid, reason=reason, again_in_s=wait_s)
        self._tell_trouble("ended", reason)

    def _tell_trouble(self, state: str, reason: str) -> None:
        self._troubled = True
        self._on_incident(self.name, state, reason)

    def _give_up_where_hopeless(self, child: Child, status: int, tries: int) -> None:
        if self.first_ready.done() or (not child.sentence and tries < FIRST_TRIES):
            return
        reason = child.sentence or f"{self.name} cannot be started ({_why(status)}); the log lines above say why"
        self.first_ready.set_exception(FallbackrouterError(reason))

    def look(self) -> None:
        """Replace the child if it has been silent for too long.

        Raises:
            Exception: this slot itself is broken; without it nobody would start children here.
        """
        if self._keeper.done() and not self._closing.is_set():
            self._keeper.result()
        child = self.child
        if child is None or child.over.done() or (self._hung and not self._hung.done()):
            return
        silent_s = child.silent_for_s()
        if silent_s >= self.silence_s:
            self._log.error(f"{self.name} hangs and is replaced", pid=child.pid, silent_s=round(silent_s, 2))
            self._tell_trouble("hangs", f"no heartbeat for {silent_s:.1f} s")
            self._hung = asyncio.create_task(child.kill_with_stacks(), name=f"kill {self.name}")

    def excuse_silence(self, for_s: float) -> None:
        """Leave so many seconds out of the count: in them it was we who did not listen."""
        if self.child is not None:
            self.child.excuse_silence(for_s)

    def start_by(self, start: StartChild, silence_s: float) -> None:
        """Start the next child in another way; the present one stays."""
        self._start, self.silence_s = start, silence_s

    async def replace(self, start: StartChild, leave_s: float, grace_s: float) -> bool:
        """Start a new child and, once it serves, let the old one finish.

        Args:
            start: starts it by the new plan.

        Returns:
            False where the new child did not become ready; the old one serves on.
        """
        async with self._replacing:
            return await self._replace(start, leave_s, grace_s)

    async def renew(self, leave_s: float, grace_s: float) -> bool:
        """Replace the child by another one of its kind; False where that did not become ready, or another way did."""
        present = self.child
        async with self._replacing:
            return self.child is present and await self._replace(self._start, leave_s, grace_s)

    async def _replace(self, start: StartChild, leave_s: float, grace_s: float) -> bool:
        try:
            new = await start(self.name)
        except OSError as error:
            self._log.error(f"a new {self.name} does not start, the old one serves on", reason=str(error))
            return False
        try:
            serves = await new.serves_within(REPLACE_S)
        except BaseException:
            new.end_at_once()
            raise
        if not serves:
            await new.kill()
            self._log.error(f"a new {self.name} does not start, the old one serves on", reason=new.sentence)
            return False
        old, self.child, self._start = self.child, new, start
        if old is not None and not await old.leave(leave_s, grace_s):
            self._log.warning(f"the former {self.name} did not end in time and was killed", pid=old.pid)
        return True

    def start_no_other(self) -> None:
        """Take the end of the present child, whenever it comes, as the end of this slot."""
        self._closing.set()

    async def close(self, leave_s: float, grace_s: float) -> None:
        """Let the child finish, and start no other."""
        self.start_no_other()
        child = self.child
        if child is not None and not child.over.done() and not await child.leave(leave_s, grace_s):
            self._log.warning(f"{self.name} did not finish in time and was killed", pid=child.pid)
        if self._hung is not None:
            await self._hung
        await asyncio.wait({self._keeper})
        self.first_ready.cancel()

    def status(self) -> dict[str, Any]:
        """Return what is known, for the control socket."""
        child = self.child
        if child is None:
            return {"name": self.name, "state": "waiting", "restarts": self.restarts}
        state = "ended" if child.over.done() else "ready" if child.ready else "starting"
        told = {name: fact for name, fact in child.facts.items() if name != "tally"}  # it is in the totals
        facts = {**told, "lived_s": round(child.lived_s(), 1), "silent_s": round(child.silent_for_s(), 2)}
        return {"name": self.name, "state": state, "pid": child.pid, "restarts": self.restarts, **facts}


def _why(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
