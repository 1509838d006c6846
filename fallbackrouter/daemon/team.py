"""The children as a whole: call workers on shared listeners, the background process and the admin process."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fallbackrouter.clock import Clock
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import ConfigError, ControlError
from fallbackrouter.daemon.admin_place import AdminPlace
from fallbackrouter.daemon.breaker_shared import SharedBreaker
from fallbackrouter.daemon.child import Child, OnWord
from fallbackrouter.daemon.entrances import Entrances
from fallbackrouter.daemon.incidents import Incidents
from fallbackrouter.daemon.listeners import Listeners
from fallbackrouter.daemon.parent_log import ParentLog
from fallbackrouter.daemon.plan import Plan
from fallbackrouter.daemon.programs import Programs
from fallbackrouter.daemon.renewal import Renewal
from fallbackrouter.daemon.slot import Slot, StartChild
from fallbackrouter.daemon.totals import Totals

LEAVE_S = 5.0
"""What a worker has to finish its calls."""
GRACE_S = 1.5
"""What it has beyond that to write its journal and end."""
_BACKGROUND_SILENCE_S = 30.0
"""The background process answers no calls; it may be busy."""
_NONE = Entrances()


class Team:
    """Starts, watches and ends the children.

    Args:
        held: sockets that listen already (from systemd), by address.
        on_word: told what a child says that is not between it and its `Child`.

    Attributes:
        greet: what each call worker is told as soon as it is started, None for nothing.
        record_incident: has a change of state kept in the journal; see Incidents.
    """

    def __init__(
        self,
        programs: Programs,
        environ: Mapping[str, str],
        *,
        clock: Clock,
        log: ParentLog,
        held: Entrances,
        on_word: OnWord,
    ) -> None:
        self.workers: list[Slot] = []
        self.background: Slot | None = None
        self.breaker = SharedBreaker("")
        self.greet: Callable[[], Message | None] = lambda: None
        self._programs = programs
        self._environ = environ
        self._clock = clock
        self._log = log
        self._entrances = held
        self._on_word = on_word
        self._alive: set[Child] = set()
        self.totals = Totals(lambda: self._alive)
        self._restarts: dict[str, int] = {}
        self._incidents = Incidents(lambda: self.background.child if self.background else None, clock)
        self.record_incident = self._incidents.record
        self._max_rss_mb = 0.0
        self.admin = AdminPlace(
            self._admin_starter, clock=clock, log=log, on_incident=self.record_incident, grace_s=GRACE_S
        )
        self._renewal = Renewal(
            clock=clock, log=log, on_incident=self.record_incident, leave_s=LEAVE_S, grace_s=GRACE_S
        )

    async def start(self, plan: Plan) -> None:
        """Listen, start everyone, and return once all call workers serve.

        Raises:
            FallbackrouterError: an address cannot be listened on, or a worker cannot start.
        """
        self.admin.adopt(plan.admin_listen, self._entrances.spare)
        self._let_go_of_others(await self._entrances.opened(plan.listen, plan.http_listen))
        self.breaker = SharedBreaker(plan.crm)
        self._max_rss_mb = plan.max_rss_mb
        for _ in range(plan.workers):
            self._add_worker(plan)
        self.background = Slot(
            "background",
            self._starter(self._programs.background, plan),
            silence_s=_BACKGROUND_SILENCE_S,
            log=self._log,
            on_incident=self.record_incident,
        )
        self.background.first_ready.add_done_callback(_look_at)  # no call waits for it; its ends are logged
        await asyncio.gather(*(slot.first_ready for slot in self.workers))
        await self.admin.take(plan)

    def _let_go_of_others(self, wanted: Entrances) -> None:
        for address in self._entrances.left_by(wanted):
            self._log.info("an address that the configuration does not name is let go", address=address)
        self._entrances = wanted

    def _add_worker(self, plan: Plan) -> None:
        name = f"worker {len(self.workers) + 1}"
        start = self._starter(self._programs.worker, plan, self._entrances, self.breaker)
        silence_s = plan.heartbeat_ms / 1000
        slot = Slot(name, start, silence_s=silence_s, log=self._log, on_incident=self.record_incident)
        slot.restarts = self._restarts.pop(name, 0)
        self.workers.append(slot)

    def _admin_starter(self, plan: Plan, listeners: Listeners) -> StartChild | None:
        """Return what starts the admin process; None where there is none to start."""
        program = self._programs.admin
        return self._starter(program, plan, Entrances(listeners)) if program else None

    def _starter(
        self,
        program: tuple[str, ...],
        plan: Plan,
        entrances: Entrances = _NONE,
        breaker: SharedBreaker | None = None,
    ) -> StartChild:
        """Return what starts a child; a call worker gets the entrances and a part in the breaker."""

        def hear(child: Child, word: Message) -> None:
            if breaker is not None and word["say"] == "breaker":
                breaker.heard(child, word)
            else:
                self._hear(child, word)

        async def start(name: str) -> Child:
            child = await Child.start(
                name,
                program,
                {**plan.order, "name": name},
                environ=self._environ,
                listeners=list(entrances.agi.values()),
                http_listeners=list(entrances.http.values()),
                clock=self._clock,
                on_word=hear,
            )
            if breaker is not None:
                breaker.admit(child)
                if greeting := self.greet():
                    child.tell(greeting)
            self._alive.add(child)
            child.over.add_done_callback(lambda _: self._part_with(child))
            return child

        return start

    def _part_with(self, child: Child) -> None:
        self._alive.discard(child)
        self.totals.keep(child)

    def _hear(self, child: Child, word: Message) -> None:
        if word["say"] == "ready":
            for slot in self._slots():
                slot.took_ready(child)
            self._incidents.tell()
            self._log.info(f"{child.name} is ready", pid=child.pid, after_s=round(child.lived_s(), 2))
        else:
            self._on_word(child, word)

    def _slots(self) -> list[Slot]:
        behind = (self.background, self.admin.slot)
        return [*self.workers, *(slot for slot in behind if slot is not None)]

    async def take(self, plan: Plan) -> None:
        """Go over to another plan, one worker at a time: the new one serves before the old one leaves.

        Raises:
            ConfigError: an address cannot be listened on, or no worker starts with it; the old plan serves on.
        """
        entrances = await self._entrances.opened(plan.listen, plan.http_listen)
        breaker = self.breaker if plan.crm == self.breaker.crm else SharedBreaker(plan.crm)
        start = self._starter(self._programs.worker, plan, entrances, breaker)
        if not await self.workers[0].replace(start, LEAVE_S, GRACE_S):
            entrances.close_but(self._entrances)
            raise ConfigError("no worker starts with the new configuration, the log says why; the old one serves on")
        self._let_go_of_others(entrances)
        self.breaker = breaker
        self._max_rss_mb = plan.max_rss_mb
        for slot in self.workers[1 : plan.workers]:
            await slot.replace(start, LEAVE_S, GRACE_S)
        for slot in self.workers:
            slot.start_by(start, plan.heartbeat_ms / 1000)
        await self._resize(plan)
        if self.background is not None:
            background = self._starter(self._programs.background, plan)
            await self.background.replace(background, 1.0, GRACE_S)
            self.background.start_by(background, _BACKGROUND_SILENCE_S)
        await self.admin.take(plan)

    async def _resize(self, plan: Plan) -> None:
        while len(self.workers) < plan.workers:
            self._add_worker(plan)
        surplus, self.workers = self.workers[plan.workers :], self.workers[: plan.workers]
        self._restarts |= {slot.name: slot.restarts for slot in surplus}
        await asyncio.gather(*(slot.close(LEAVE_S, GRACE_S) for slot in surplus))
        await asyncio.gather(*(slot.first_ready for slot in self.workers), return_exceptions=True)  # the log says why

    def look(self) -> None:
        """Replace who hangs or has grown too large, and have somebody probe a CRM that failed."""
        for slot in self._slots():
            slot.look()
        self.admin.look()
        self._renewal.look(self.workers, self._max_rss_mb)
        self.breaker.look([slot.child for slot in self.workers if slot.child is not None and slot.healthy])

    def excuse_silence(self, for_s: float) -> None:
        """Leave so many seconds out of every child's silence."""
        for slot in self._slots():
            slot.excuse_silence(for_s)

    @property
    def healthy(self) -> bool:
        """Tell whether every call worker serves and was heard lately."""
        return bool(self.workers) and all(slot.healthy for slot in self.workers)

    @property
    def entrances(self) -> Entrances:
        """Where calls are taken."""
        return self._entrances

    def fact(self, name: str) -> Any:
        """Return what the call workers say of something: the smallest of their numbers, 0 where none says."""
        said = [slot.child.facts.get(name, 0) for slot in self.workers if slot.child is not None]
        return min(said, default=0)

    async def tell_workers(self, message: Message, within_s: float) -> list[Message]:
        """Tell all call workers something, those just starting too, and return the answers of those that serve.

        Raises:
            ControlError: one of them refused or did not answer.
        """
        children = [slot.child for slot in self.workers if slot.child is not None and not slot.child.over.done()]
        asked = [self._tell(child, message, within_s) for child in children if child.ready]
        for child in children:
            if not child.ready:
                child.tell(message)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, dict)]

    async def _tell(self, child: Child, message: Message, within_s: float) -> Message:
        answer = await child.ask(message, within_s)
        child.facts.update(answer)
        return answer

    async def ask_background(self, message: Message, within_s: float) -> Message:
        """Have the background process do something.

        Raises:
            ControlError: it is not there, refused, or did not answer in time.
        """
        child = self.background.child if self.background else None
        if child is None or not child.ready:
            raise ControlError("the background process is just being started; try again in a moment")
        return await child.ask(message, within_s)

    def tell_background(self, message: Message) -> None:
        """Tell the background process something, where there is one; no answer is waited for."""
        child = self.background.child if self.background else None
        if child is not None and not child.over.done():
            child.tell(message)

    def hurry(self) -> None:
        """Wait for nobody any longer."""
        for child in self._alive:
            child.end_at_once()

    async def close(self, leave_s: float) -> None:
        """Take no more calls, let the workers finish, then end the background process."""
        self._entrances.close()
        self._entrances = Entrances()
        await self._renewal.close()
        closing_admin = asyncio.create_task(self.admin.close(), name="close admin")
        for slot in self._slots():
            slot.start_no_other()
        in_slots = {slot.child for slot in self._slots()}
        others = [child.leave(leave_s, GRACE_S) for child in self._alive - in_slots]  # a replacement was under way
        await asyncio.gather(*(slot.close(leave_s, GRACE_S) for slot in self.workers), *others)
        if self.background is not None:
            await self.background.close(1.0, GRACE_S)
        await closing_admin
        await asyncio.gather(*(child.kill() for child in self._alive))


def _look_at(outcome: "asyncio.Future[None]") -> None:
    if not outcome.cancelled():
        outcome.exception()
