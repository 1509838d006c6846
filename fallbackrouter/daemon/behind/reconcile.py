"""The duty of ends that nobody reported, where a user of Asterisk's manager interface is configured."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from fallbackrouter.config.build import node_name
from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.daemon.behind.exchange import AsteriskLink
from fallbackrouter.jobs.reconcile import START, Reconciler, end_stage
from fallbackrouter.store.event_log import Step, read_step

LOGIN_S = 15.0
"""The first look waits so long for the login, so that a start tells of no trouble where there is none."""


class Reconcile:
    """Infers ends by the link that all duties share."""

    def __init__(self, inside: Inside, link: AsteriskLink) -> None:
        settings = inside.settings
        self._inside = inside
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="reconcile")
        self._link = link
        self._ami = link.ami
        self._reconciler = Reconciler(
            read=self._read,
            exchange=self._ami,
            record=inside.journal.record_event,
            stages=settings.events.stages,
            node=node_name(settings),
            clock=inside.clock,
            grace_s=settings.ami.grace_s,
            oldest_s=settings.events.ttl_s,
        )
        self._running: asyncio.Task[None] | None = None

    @classmethod
    def where_wanted(cls, inside: Inside, link: AsteriskLink | None) -> "Reconcile | None":
        """Return the duty, None where no user is configured, or calls have no beginning or no end to be told."""
        stages = inside.settings.events.stages
        return cls(inside, link) if link is not None and START in stages and end_stage(stages) else None

    async def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._run(), name="reconcile")

    async def _run(self) -> None:
        await self._ami.ready(LOGIN_S)
        await self._reconciler.run()

    async def close(self) -> None:
        """End; a step of reading that is under way is not waited for."""
        if self._running is not None:
            self._running.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell whether Asterisk is reached, as the link does, and of calls without an end."""
        reconciler = self._reconciler
        return {
            "asterisk": {
                **self._link.facts()["asterisk"],
                "open_calls": reconciler.open,
                "inferred_ends": reconciler.inferred,
                "forgotten_calls": reconciler.forgotten,
            }
        }

    async def _read(self, place: int, limit: int) -> Step:
        path = self._inside.journal_path
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: read_step(path, place, limit))
