"""The parent: it watches, and does nothing that could stall. Standard library only.

It reads no configuration and no database (`_prepare`, a child, does) and answers no call. What it holds: the lock on
data_dir, the listening sockets, the control socket, and the children.
"""

import asyncio
import os
import signal
from collections.abc import MutableMapping
from pathlib import Path

from fallbackrouter import __version__
from fallbackrouter.clock import Clock
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import ConfigError, ControlError, FallbackrouterError
from fallbackrouter.daemon.child import Child
from fallbackrouter.daemon.commands import Commands, status_of
from fallbackrouter.daemon.door import Door
from fallbackrouter.daemon.drills import Drills
from fallbackrouter.daemon.entrances import Entrances
from fallbackrouter.daemon.listeners import inherited
from fallbackrouter.daemon.lock import take_lock
from fallbackrouter.daemon.notify import Notifier
from fallbackrouter.daemon.parent_log import ParentLog
from fallbackrouter.daemon.parts_watch import PartsWatch
from fallbackrouter.daemon.plan import Plan, prepare
from fallbackrouter.daemon.programs import Programs, child_environ
from fallbackrouter.daemon.team import LEAVE_S, Team

_TICK_S = 0.2
_LATE_S = 0.5
"""A tick that comes so much late means that we slept ourselves; no child is blamed for that."""
_TELL_S = 30.0
"""What workers have to load rules; they answer calls meanwhile."""


class Supervisor:
    """Runs the service until it is told to stop.

    Args:
        config: the file that `--config` names, None where it is to be searched for.
        environ: systemd's variables are taken out of it.
    """

    def __init__(
        self,
        config: Path | None,
        programs: Programs,
        environ: MutableMapping[str, str],
        *,
        clock: Clock,
        log: ParentLog,
    ) -> None:
        self._clock = clock
        self._log = log
        self._notifier = Notifier(environ)
        held = Entrances(spare=inherited(environ))
        self._environ = child_environ(environ)
        self._prepare = (*programs.prepare, *(("--config", str(config.absolute())) if config else ()))
        self.team = Team(programs, self._environ, clock=clock, log=log, held=held, on_word=self._hear)
        self.drills = Drills(self.team, clock=clock, log=log)
        self.team.greet = self.drills.greeting
        self.plan: Plan | None = None
        self.ready = False
        self.parts = PartsWatch(lambda: status_of(self), clock=clock, on_incident=self.team.record_incident)
        self._door: Door | None = None
        self._lock: int | None = None
        self._stop = asyncio.Event()
        self._leave_s = LEAVE_S
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[object]] = set()

    async def run(self) -> int:
        """Start, watch, stop.

        Returns:
            The exit code: 0 after a stop that was asked for, 1 when the service could not start (a sentence tells why).
        """
        self._take_signals()
        ticking = asyncio.create_task(self._tick(), name="tick")
        starting = asyncio.create_task(self._start(), name="start")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        refusal = ""
        try:
            await asyncio.wait({starting, stopping, ticking}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asyncio.wait({stopping, ticking}, return_when=asyncio.FIRST_COMPLETED)
            if ticking.done():
                ticking.result()  # nobody watches any more: better to end, and be started anew
        except FallbackrouterError as error:
            refusal = str(error)
        finally:
            await self._cancel(starting, stopping, *self._tasks)
            await self._shut()
            await self._cancel(ticking)
        if refusal:
            self._log.complain(f"fallbackrouter: {refusal}")  # last of all, where people look
        return 1 if refusal else 0

    async def _start(self) -> None:
        self.plan = plan = await prepare(self._prepare, self._environ, self._settle)
        self._log.configure(plan.log_level, plan.log_format)
        self._door = Door(plan.data_dir, Commands(self).do)
        await self._door.open()
        await self.team.start(plan)
        self.ready = True
        self._notifier.say("READY=1", f"STATUS={self.in_words()}", f"MAINPID={os.getpid()}")
        self._log.print(f"fallbackrouter {__version__} ready: {self.in_words()}")

    def _settle(self, data_dir: Path) -> None:
        if self._lock is None:
            self._lock = take_lock(data_dir)
        elif self.plan is not None and data_dir != self.plan.data_dir:
            raise ConfigError(
                f"data_dir cannot change while the service runs ({self.plan.data_dir} to {data_dir}); restart it"
            )

    def in_words(self) -> str:
        """Say in one line what is served."""
        crm = f"crm {self.plan.crm}" if self.plan and self.plan.crm else "no CRM"
        rules, routes = self.team.fact("rules"), self.team.fact("routes")
        places = f"agi {', '.join(self.team.entrances.agi_addresses)}"
        if http := self.team.entrances.http_addresses:
            places += f", http {', '.join(http)}"
        return f"{places}, {_of(rules, 'rule')}, {_of(routes, 'route')}, {crm}"

    @property
    def log_lines_dropped(self) -> int:
        """How many lines the parent could not log."""
        return self._log.dropped

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, LEAVE_S)
        loop.add_signal_handler(signal.SIGHUP, self._reload_behind)

    def stop(self, leave_s: float) -> None:
        """Stop, giving calls in hand so long; asked a second time, stop at once."""
        if self._stop.is_set():
            self.team.hurry()
        self._leave_s = leave_s
        self._stop.set()

    def behind(self, doing: "asyncio.Task[object]") -> None:
        """Keep a task until it is done."""
        self._tasks.add(doing)
        doing.add_done_callback(self._tasks.discard)

    def _reload_behind(self) -> None:
        async def reload() -> None:
            try:
                await self.reload()
            except FallbackrouterError as refusal:
                self._log.error("not reloaded, what served before serves on", reason=str(refusal))

        self.behind(asyncio.create_task(reload(), name="reload"))

    async def reload(self) -> Message:
        """Read configuration and rules again: rules swap in place, a changed configuration replaces the workers.

        Raises:
            FallbackrouterError: either cannot be used; what served before serves on.
        """
        if not self.ready:
            raise ControlError("fallbackrouter is still starting; try again in a moment")
        async with self._reloading:
            plan = await prepare(self._prepare, self._environ, self._settle)
            changed = self.plan is None or plan.digest != self.plan.digest
            if changed:
                await self.team.take(plan)
                self.plan = plan
                self._log.configure(plan.log_level, plan.log_format)
            rules = await self.spread_rules()
            self._notifier.say(f"STATUS={self.in_words()}")
            self._log.info("reloaded", config="changed" if changed else "unchanged", rules=rules, **plan.rules)
            return {"config": "changed" if changed else "unchanged", "rules": rules, "found": dict(plan.rules)}

    async def spread_rules(self) -> int:
        """Have every call worker take the latest rules, and return how many they are.

        Raises:
            ControlError: a worker did not.
        """
        self.team.tell_background({"do": "rules_taken"})
        answers = await self.team.tell_workers({"do": "rules_changed"}, _TELL_S)
        return min((int(answer["rules"]) for answer in answers), default=0)

    async def spread_routes(self) -> int:
        """Have every call worker take the latest routes, and return how many they are.

        Raises:
            ControlError: a worker did not.
        """
        answers = await self.team.tell_workers({"do": "routes_changed"}, _TELL_S)
        return min((int(answer["routes"]) for answer in answers), default=0)

    def _hear(self, child: Child, word: Message) -> None:
        if word["say"] == "rules_changed":
            self.behind(asyncio.create_task(self._spread_new_rules(), name="spread rules"))
        elif word["say"] == "routes_changed":
            self.behind(asyncio.create_task(self._spread_new_routes(), name="spread routes"))
        elif word["say"] == "prompts_changed":
            self.behind(asyncio.create_task(self._spread_new_prompts(), name="spread prompts"))
        elif word["say"] == "prompts":
            self.team.tell_background({**word, "do": "prompts_wanted"})
        else:
            self._log.warning("a child said something unknown", part=child.name, said=str(word["say"])[:40])

    async def _spread_new_rules(self) -> None:
        try:
            rules = await self.spread_rules()
        except ControlError as refusal:
            self._log.error("new rules did not reach every worker", reason=str(refusal))
        else:
            self._log.info("new rules serve", rules=rules)

    async def _spread_new_routes(self) -> None:
        try:
            await self.spread_routes()
        except ControlError as refusal:
            self._log.error("new routes did not reach every worker", reason=str(refusal))

    async def _spread_new_prompts(self) -> None:
        try:
            await self.team.tell_workers({"do": "prompts_changed"}, _TELL_S)
        except ControlError as refusal:
            self._log.error("new prompts did not reach every worker", reason=str(refusal))

    async def _tick(self) -> None:
        last_s, pinged_s = self._clock.now_s(), 0.0
        while True:
            await asyncio.sleep(_TICK_S)
            now_s = self._clock.now_s()
            late_s = now_s - last_s - _TICK_S
            last_s = now_s
            if late_s > _LATE_S:
                self._log.warning("the parent itself was held up", for_s=round(late_s, 2))
                self.team.excuse_silence(late_s)
            self.team.look()
            self.drills.look()
            self._notifier.again()
            if self.ready:
                self.parts.look()
            watchdog_s = self._notifier.watchdog_s  # counts from READY=1 on: what starts fills no queue before it
            if watchdog_s and now_s - pinged_s >= watchdog_s / 3 and self.team.healthy and self.ready:
                pinged_s = now_s
                self._notifier.say("WATCHDOG=1")

    async def _shut(self) -> None:
        self._notifier.say("STOPPING=1")
        self.drills.close()
        await self.team.close(self._leave_s)
        if self._door is not None:
            await self._door.close()
        if self._lock is not None:
            os.close(self._lock)
        self._notifier.close()

    async def _cancel(self, *tasks: "asyncio.Task[object]") -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _of(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
