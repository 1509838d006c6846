"""The duty of taking rule files over: when told to and, with `rules.auto_apply`, when they were saved."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fallbackrouter.config.rules import check_configured_rules
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.rules_told import tell_of
from fallbackrouter.jobs.rules_apply import Applied, apply_rules
from fallbackrouter.jobs.rules_watch import EVERY_S, Rest, picture_of
from fallbackrouter.log import get_log

MAX_TOLD = 100
"""The most problems that an answer on the control socket names; the log and `rules check` name them all."""

T = TypeVar("T")


class RuleFiles:
    """Checks the rule files and stores what is good."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._log = get_log("jobs")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="rules")
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch, where that is wanted."""
        if self._inside.settings.rules.auto_apply:
            self._watching = asyncio.create_task(self._watch(), name="watch rules")

    async def close(self) -> None:
        """End; a check that is under way is not waited for."""
        if self._watching:
            self._watching.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer `apply`."""
        return {"apply": self._apply}

    def facts(self) -> Message:
        """Tell nothing."""
        return {}

    async def _apply(self, _message: Message) -> Message:
        applied = await self._in_thread(lambda: self._take_over("apply"))
        problems = [problem.text for problem in applied.problems[:MAX_TOLD]]
        return {"applied": applied.ok, "changed": applied.changed, "rules": applied.count, "problems": problems}

    async def _watch(self) -> None:
        rest = Rest()
        folder = self._inside.loaded.file(self._inside.settings.rules.dir)
        while True:
            if rest.look(await self._in_thread(lambda: picture_of(folder))):
                await self._take_over_saved()
            await asyncio.sleep(EVERY_S)

    async def _take_over_saved(self) -> None:
        try:
            applied = await self._in_thread(lambda: self._take_over("auto_apply"))
        except FallbackrouterError as error:
            self._log.error("saved rules could not be taken over", reason=str(error))
            return
        if applied.changed:
            self._inside.say({"say": "rules_changed"})

    def _take_over(self, note: str) -> Applied:
        inside = self._inside
        applied = apply_rules(
            lambda: check_configured_rules(inside.loaded), inside.journal_path, note, inside.clock.now_at()
        )
        tell_of(applied, get_log("rules"))
        return applied

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
