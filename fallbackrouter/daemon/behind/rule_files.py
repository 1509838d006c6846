"""The duty of taking rule files over: when told to and, with `rules.auto_apply`, when they were saved."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

from fallbackrouter.config.rules import apply_configured_rules, rules_folder
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.rules_told import tell_of
from fallbackrouter.jobs.rules_apply import Applied
from fallbackrouter.jobs.rules_watch import Picture, Place, look_at, saved
from fallbackrouter.log import get_log

MAX_TOLD = 100
"""The most problems that an answer on the control socket names; the log and `rules check` name them all."""
PART = "rule files"
"""How incidents name them."""

T = TypeVar("T")


class RuleFiles:
    """Checks the rule files and stores what is good."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._log = get_log("jobs")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="rules")
        self._watching: asyncio.Task[None] | None = None
        self._state: Message = {"state": "unknown"}

    async def start(self) -> None:
        """Begin to watch, where that is wanted."""
        if self._inside.settings.rules.auto_apply:
            self._watching = asyncio.create_task(self._watch(), name="watch rules")

    async def close(self) -> None:
        """End; a check that is under way is not waited for."""
        if self._watching:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer `apply`."""
        return {"apply": self._apply}

    def facts(self) -> Message:
        """Tell what the latest check of the files found."""
        return {"rule_files": self._state}

    async def _apply(self, _message: Message) -> Message:
        applied = await self._in_thread(lambda: self._take_over("apply", asked=True))
        self._note(applied)
        problems = [problem.text for problem in applied.problems[:MAX_TOLD]]
        return {"applied": applied.ok, "changed": applied.changed, "rules": applied.count, "problems": problems}

    async def _watch(self) -> None:
        async with aclosing(saved(rules_folder(self._inside.loaded), self._look)) as changes:
            async for _ in changes:
                await self._take_over_saved()

    async def _look(self, folder: Path) -> tuple[Picture, Place]:
        return await self._in_thread(partial(look_at, folder))

    async def _take_over_saved(self) -> None:
        try:
            applied = await self._in_thread(lambda: self._take_over("auto_apply", asked=False))
        except FallbackrouterError as error:
            self._log.error("saved rules could not be taken over", reason=str(error))
            return
        self._note(applied)
        if applied.changed:
            self._inside.say({"say": "rules_changed"})

    def _note(self, applied: Applied) -> None:
        """Keep what was found for `status`; an incident where it is another than before."""
        state = "held" if applied.held else "good" if applied.ok else "broken"
        errors = [problem.text for problem in applied.problems if problem.severity == "error"]
        reason = errors[0] if errors else ""
        was, self._state = self._state["state"], {"state": state, "errors": len(errors), "reason": reason}
        if state != was and (state != "good" or was != "unknown"):
            self._inside.journal.record_incident(PART, state, reason, self._inside.clock.now_at())

    def _take_over(self, note: str, *, asked: bool) -> Applied:
        inside = self._inside
        applied = apply_configured_rules(inside.loaded, inside.journal_path, note, inside.clock.now_at(), asked=asked)
        tell_of(applied, get_log("rules"))
        return applied

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
