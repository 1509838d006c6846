"""What people's programs may have the running service do, over the control socket.

| command | what happens |
| --- | --- |
| `status` | tells of the children, with their counters |
| `rules_changed` | workers take the latest stored rules |
| `routes_changed` | workers take the latest routes.db |
| `sync` | the background process fetches routes now, all of them with `full` |
| `apply` | the background process checks the rule files, stores what is good, workers take it |
| `drill` | workers treat the CRM as failing for a while; `drill_end` ends that |
| `deliver` | the background process sends events that are due, without waiting for anything but the CRM |
| `call` | the background process looks at the calls that wait to be made |
| `prompt` | the background process begins to have a prompt: audio by its URL, or a text to be spoken |
| `purge_prompts` | the background process lets go of the prompts that no route names, with `everything` of all |
| `reload` | as SIGHUP: configuration and rules are read again |
| `stop` | as SIGTERM |
| `drain` | the same, giving calls in hand `within_s` seconds |
"""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol

from fallbackrouter import __version__
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import ControlError
from fallbackrouter.daemon.drills import Drills
from fallbackrouter.daemon.parts_watch import PartsWatch
from fallbackrouter.daemon.plan import Plan
from fallbackrouter.daemon.team import LEAVE_S, Team

Command = Callable[[Message], Awaitable[Message]]

APPLY_S = 60.0
SYNC_S = 5.0
DELIVER_S = 5.0
PROMPTS_S = 10.0
MAX_DRAIN_S = 3600.0


class Service(Protocol):
    """What the commands are given to: the service."""

    team: Team
    drills: Drills
    plan: Plan | None
    ready: bool
    parts: PartsWatch

    @property
    def log_lines_dropped(self) -> int:
        """How many lines the parent could not log."""
        ...

    async def spread_rules(self) -> int:
        """Have every call worker take the latest rules, and return how many they are."""
        ...

    async def spread_routes(self) -> int:
        """Have every call worker take the latest routes, and return how many they are."""
        ...

    async def reload(self) -> Message:
        """Read configuration and rules again."""
        ...

    def stop(self, leave_s: float) -> None:
        """Stop, giving calls in hand so long."""
        ...


class Commands:
    """Answers each command; a ControlError is its refusal."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._known: dict[str, Command] = {
            "status": self._status,
            "rules_changed": self._rules_changed,
            "routes_changed": self._routes_changed,
            "sync": self._sync,
            "apply": self._apply,
            "drill": self._drill,
            "drill_end": self._drill_end,
            "deliver": self._deliver,
            "call": self._call,
            "prompt": self._to_background,
            "purge_prompts": self._to_background,
            "reload": self._reload,
            "stop": self._stop,
            "drain": self._drain,
        }

    async def do(self, message: Message) -> Message:
        """Do what a message says.

        Raises:
            FallbackrouterError: it is no command, or was refused.
        """
        known = self._known.get(str(message.get("do")))
        if known is None:
            raise ControlError(f"there is no such command; there are {', '.join(self._known)}")
        return await known(message)

    async def _status(self, _message: Message) -> Message:
        return {**status_of(self._service), "parts": self._service.parts.status()}

    async def _rules_changed(self, _message: Message) -> Message:
        return {"rules": await self._service.spread_rules()}

    async def _routes_changed(self, _message: Message) -> Message:
        return {"routes": await self._service.spread_routes()}

    async def _sync(self, message: Message) -> Message:
        return await self._service.team.ask_background({"do": "sync", "full": message.get("full") is True}, SYNC_S)

    async def _apply(self, _message: Message) -> Message:
        found = await self._service.team.ask_background({"do": "apply"}, APPLY_S)
        if not found["applied"]:
            raise ControlError(
                f"nothing was applied, the rules that served serve on: {found['problems'][0]}; "
                "`fallbackrouter rules check` names every problem"
            )
        return {"changed": found["changed"], "problems": found["problems"], "rules": await self._service.spread_rules()}

    async def _drill(self, message: Message) -> Message:
        plan = self._service.plan
        if plan is None or not plan.crm or not self._service.ready:
            raise ControlError("there is no CRM to drill for: set crm.url, or wait until fallbackrouter is ready")
        return await self._service.drills.begin(message)

    async def _drill_end(self, message: Message) -> Message:
        drills = self._service.drills
        on = drills.status()
        if on is None or message.get("number", on["number"]) != on["number"]:
            return {"ended": False}
        return {"ended": await drills.end("it was ended by a command")}

    async def _deliver(self, _message: Message) -> Message:
        return await self._service.team.ask_background({"do": "deliver"}, DELIVER_S)

    async def _call(self, _message: Message) -> Message:
        return await self._service.team.ask_background({"do": "call"}, DELIVER_S)

    async def _to_background(self, message: Message) -> Message:
        return await self._service.team.ask_background(message, PROMPTS_S)

    async def _reload(self, _message: Message) -> Message:
        return await self._service.reload()

    async def _stop(self, _message: Message) -> Message:
        self._service.stop(LEAVE_S)
        return {"stopping": True}

    async def _drain(self, message: Message) -> Message:
        within_s = message.get("within_s", LEAVE_S)
        if isinstance(within_s, bool) or not isinstance(within_s, int | float) or not 0 <= within_s <= MAX_DRAIN_S:
            raise ControlError(f"within_s is a number of seconds from 0 to {MAX_DRAIN_S:g}")
        self._service.stop(within_s)
        return {"stopping": True}


def status_of(service: Service) -> Message:
    """Return what is known of the service and its children, but for the judgement of its parts."""
    team, plan = service.team, service.plan
    return {
        "version": __version__,
        "pid": os.getpid(),
        "ready": service.ready,
        "healthy": team.healthy,
        "listen": team.entrances.agi_addresses,
        "http_listen": team.entrances.http_addresses,
        "rules": team.fact("rules"),
        "routes": team.fact("routes"),
        "heartbeat_ms": plan.heartbeat_ms if plan else None,
        "crm": plan.crm if plan else "",
        "breaker": team.breaker.status(),
        "drill": service.drills.status(),
        "workers": [slot.status() for slot in team.workers],
        "totals": team.totals.now(),
        "background": team.background.status() if team.background else None,
        "admin": team.admin.status(),
        "admin_listen": team.admin.addresses,
        "log_lines_dropped": service.log_lines_dropped,
        "foreign_modules": _foreign_modules(),
    }


def _foreign_modules() -> list[str]:
    """Return the top-level modules in this process that are neither Python's own nor ours."""
    tops = {name.partition(".")[0] for name in sys.modules if not name.startswith("_sysconfigdata")}
    return sorted(tops - sys.stdlib_module_names - {"fallbackrouter", "__main__", "__mp_main__"})[:50]
