"""The duty of the installed dialplan, where `dialplan.auto` is on: it follows the rules that serve, once they rest."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fallbackrouter.clock import load_zone
from fallbackrouter.config.dialplan import dialplan_text
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import AmiError, FallbackrouterError
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.behind.exchange import AsteriskLink
from fallbackrouter.jobs.dialplan_file import install
from fallbackrouter.log import get_log
from fallbackrouter.rulesfile.compiled import load
from fallbackrouter.store.rulesets import latest_ruleset, ruleset_numbers

LOOK_EVERY_S = 1.0
REST_S = 3.0
"""So long nothing must change before a dialplan is made: an editor's five saves are one reload."""
AGAIN_S = 60.0
"""What failed is tried again after this."""
LOGIN_S = 10.0

T = TypeVar("T")


class Dialplan:
    """Installs the dialplan whenever other rules serve, and has Asterisk reload it."""

    def __init__(self, inside: Inside, link: AsteriskLink | None, *, rest_s: float = REST_S) -> None:
        self._inside = inside
        self._link = link
        self._rest_s = rest_s
        self._log = get_log("dialplan")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="dialplan")
        self._running: asyncio.Task[None] | None = None
        self._fault = ""
        self._installed = 0
        self._reload_owed = False

    @classmethod
    def where_wanted(cls, inside: Inside, link: AsteriskLink | None, *, rest_s: float = REST_S) -> "Dialplan | None":
        """Return the duty, None where it is off."""
        return cls(inside, link, rest_s=rest_s) if inside.settings.dialplan.auto else None

    async def start(self) -> None:
        """Begin; the first look is at once."""
        self._running = asyncio.create_task(self._follow(), name="dialplan")

    async def close(self) -> None:
        """End; what is under way is not waited for."""
        if self._running is not None:
            self._running.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell how often it was installed, and what keeps it from being so."""
        return {"dialplan": {"installed": self._installed, "reason": self._fault}}

    async def _follow(self) -> None:
        done: list[int] | None = None
        while True:
            seen = await self._numbers()
            if seen != done:
                seen = await self._rested(seen)
                done = seen if await self._install() else None
            await asyncio.sleep(LOOK_EVERY_S if done is not None else AGAIN_S)

    async def _rested(self, seen: list[int]) -> list[int]:
        """Wait until no other rules have come for a while."""
        while True:
            await asyncio.sleep(self._rest_s)
            again = await self._numbers()
            if again == seen:
                return seen
            seen = again

    async def _numbers(self) -> list[int]:
        """Return what tells one state of the stored rules from the next."""
        try:
            return (await self._in_thread(lambda: ruleset_numbers(self._inside.journal_path)))[:1]
        except FallbackrouterError:
            return []

    async def _install(self) -> bool:
        """Bring the file and Asterisk up to date; tell whether that worked."""
        try:
            if await self._in_thread(self._write):
                self._installed += 1
                self._reload_owed = True
                self._log.info("the dialplan is installed", file=self._inside.settings.dialplan.file)
            if self._reload_owed:
                await self._reload()
                self._reload_owed = False
        except FallbackrouterError as error:
            if str(error) != self._fault:
                self._log.error("the dialplan could not be installed", reason=str(error))
            self._fault = str(error)
            return False
        self._fault = ""
        return True

    def _write(self) -> bool:
        inside = self._inside
        latest = latest_ruleset(inside.journal_path)
        rules = load(latest.body, load_zone) if latest else ()
        return install(inside.loaded.file(inside.settings.dialplan.file), dialplan_text(inside.settings, rules))

    async def _reload(self) -> None:
        if self._link is None:
            self._log.warning("ami.user is empty, so Asterisk was not told: run `asterisk -rx 'dialplan reload'`")
            return
        if not await self._link.ami.ready(LOGIN_S):
            raise AmiError(self._link.ami.fault)
        await self._link.ami.reload_dialplan()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
