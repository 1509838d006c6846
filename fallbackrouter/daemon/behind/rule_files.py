"""The duty of taking rule files over: when told to and, with `rules.auto_apply`, when they were saved.

Where saved files are not watched, they are looked at all the same whenever rules were taken over by somebody else: at a
start, by a reload and by commands. So `status` always tells of files that do not check.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

from fallbackrouter.config.rules import apply_configured_rules, examine_configured_rules, rules_folder
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.rules_told import tell_of
from fallbackrouter.jobs.rules_apply import Applied
from fallbackrouter.jobs.rules_watch import Picture, Place, look_at, saved
from fallbackrouter.log import get_log
from fallbackrouter.store.rulesets import latest_ruleset

MAX_TOLD = 100
"""The most problems that an answer on the control socket names; the log and `rules check` name them all."""
PART = "rule files"
"""How incidents name them."""
HELD_S = 5.0
"""How often to look whether what was rolled back has been taken over all the same."""

T = TypeVar("T")


class RuleFiles:
    """Checks the rule files, and stores what is good where that is asked for or wanted."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._log = get_log("jobs")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="rules")
        self._watching: asyncio.Task[None] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._examining: asyncio.Task[None] | None = None
        self._outdated = False
        self._state: Message = {"state": "unknown"}

    async def start(self) -> None:
        """Begin to watch, where that is wanted; else have one look."""
        if self._inside.settings.rules.auto_apply:
            self._watching = asyncio.create_task(self._watch(), name="watch rules")
        else:
            self._examine_soon()

    async def close(self) -> None:
        """End; a check that is under way is not waited for."""
        tasks = {task for task in (self._watching, self._holding, self._examining) if task}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer `apply`, and `rules_taken`: somebody else took rules over."""
        return {"apply": self._apply, "rules_taken": self._rules_taken}

    def facts(self) -> Message:
        """Tell how the files were found last; unknown until they were looked at."""
        return {"rule_files": self._state}

    async def _apply(self, _message: Message) -> Message:
        applied = await self._in_thread(lambda: self._take_over("apply", asked=True))
        self._note(applied)
        problems = [problem.text for problem in applied.problems[:MAX_TOLD]]
        return {"applied": applied.ok, "changed": applied.changed, "rules": applied.count, "problems": problems}

    async def _rules_taken(self, _message: Message) -> Message:
        if self._watching is None:
            self._examine_soon()
        return {}

    def _examine_soon(self) -> None:
        self._outdated = True
        if self._examining is None or self._examining.done():
            self._examining = asyncio.create_task(self._examine(), name="examine rules")

    async def _examine(self) -> None:
        """Look at the files, again where rules were taken over meanwhile; the log has been told by who took them."""
        while self._outdated:
            self._outdated = False
            try:
                inside = self._inside
                found = await self._in_thread(partial(examine_configured_rules, inside.loaded, inside.journal_path))
            except FallbackrouterError as error:
                self._log.error("the rule files could not be looked at", reason=str(error))
            else:
                self._note(found)

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
        errors = [problem.text for problem in applied.problems if problem.severity == "error"]
        self._set("held" if applied.held else "good" if applied.ok else "broken", errors)
        if applied.held and (self._holding is None or self._holding.done()):
            self._holding = asyncio.create_task(self._until_taken_over(), name="watch held rules")

    def _set(self, state: str, errors: list[str]) -> None:
        reason = errors[0] if errors else ""
        was, self._state = self._state["state"], {"state": state, "errors": len(errors), "reason": reason}
        if state != was and (state != "good" or was != "unknown"):
            self._inside.journal.record_incident(PART, state, reason, self._inside.clock.now_at())

    async def _until_taken_over(self) -> None:
        """Notice that somebody took over what was rolled back, by a command that tells nobody here."""
        while self._state["state"] == "held":
            await asyncio.sleep(HELD_S)
            try:
                latest = await self._in_thread(partial(latest_ruleset, self._inside.journal_path))
            except FallbackrouterError:
                continue  # a journal that cannot be read is told of by others
            if latest is not None and not latest.held and self._state["state"] == "held":
                self._set("good", [])

    def _take_over(self, note: str, *, asked: bool) -> Applied:
        inside = self._inside
        applied = apply_configured_rules(inside.loaded, inside.journal_path, note, inside.clock.now_at(), asked=asked)
        tell_of(applied, get_log("rules"))
        return applied

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
