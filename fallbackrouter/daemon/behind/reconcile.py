"""The duty of ends that nobody reported, where a user of Asterisk's manager interface is configured."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from fallbackrouter.config.build import node_name
from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.ami_login import ami_client
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.jobs.reconcile import START, Reconciler, end_stage
from fallbackrouter.log import get_log
from fallbackrouter.store.event_log import Step, read_step

LOGIN_S = 15.0
"""The first look waits so long for the login, so that a start tells of no trouble where there is none."""


class Reconcile:
    """Keeps a connection to Asterisk, and infers ends by it."""

    def __init__(self, inside: Inside) -> None:
        settings = inside.settings
        self._inside = inside
        self._log = get_log("ami")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="reconcile")
        self._ami = ami_client(settings.ami, settings.ami.secret, inside.clock, on_state=self._on_state)
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
        self._state = ""

    @classmethod
    def where_wanted(cls, inside: Inside) -> "Reconcile | None":
        """Return the duty, None where no user is configured, or calls have no beginning or no end to be told."""
        stages = inside.settings.events.stages
        wanted = inside.settings.ami.user and START in stages and end_stage(stages)
        return cls(inside) if wanted else None

    async def start(self) -> None:
        """Begin."""
        await self._ami.start()
        self._running = asyncio.create_task(self._run(), name="reconcile")

    async def _run(self) -> None:
        await self._ami.ready(LOGIN_S)
        await self._reconciler.run()

    async def close(self) -> None:
        """End; a step of reading that is under way is not waited for."""
        if self._running is not None:
            self._running.cancel()
        await self._ami.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell whether Asterisk is reached, and of calls without an end."""
        reconciler = self._reconciler
        return {
            "asterisk": {
                "connected": self._ami.connected,
                "reason": self._ami.fault,
                "open_calls": reconciler.open,
                "inferred_ends": reconciler.inferred,
                "forgotten_calls": reconciler.forgotten,
            }
        }

    def _on_state(self, fault: str) -> None:
        if fault:
            self._log.warning("no connection to Asterisk's manager interface", reason=fault)
        else:
            self._log.info("logged in at Asterisk's manager interface")
        state = "away" if fault else "connected"
        if state != self._state:
            self._inside.journal.record_incident("asterisk", state, fault, self._inside.clock.now_at())
        self._state = state

    async def _read(self, place: int, limit: int) -> Step:
        path = self._inside.journal_path
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: read_step(path, place, limit))
