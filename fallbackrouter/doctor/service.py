"""The running service: do its processes live, and does its AGI port answer?"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from fallbackrouter.agi.peer import OK_REPLY, header_block, read_command
from fallbackrouter.clock import Clock
from fallbackrouter.control.parts import SEE_LOG, breaker_reason, child_trouble
from fallbackrouter.core.errors import AgiError
from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.entrance.allow import AllowList

WORKERS = "service"
AGI = "agi"
ANSWER_S = 5.0
SPARE_MS = 100.0
"""What a busy machine may add to a call's budget before it is told of."""

Status = Mapping[str, Any]
"""What `status` on the control socket answered."""


def check_processes(status: Status, heartbeat_ms: float) -> list[Finding]:
    """Look at what the service says of its processes."""
    workers = list(status.get("workers") or [])
    children = [*workers, *filter(None, [status.get("background")])]
    troubled = [finding for child in children if (finding := _trouble(child, heartbeat_ms))]
    if not status.get("ready") or not status.get("healthy"):
        troubled.insert(0, warn(WORKERS, "the service says that it is not ready or not healthy", SEE_LOG))
    troubled += _held_back(status)
    return troubled or [ok(WORKERS, f"it runs, with {len(workers)} call worker(s), pid {status.get('pid')}")]


def _held_back(status: Status) -> list[Finding]:
    """Tell why calls do not ask the CRM, or only a share of them does, or a fault is played to them."""
    found = []
    breaker, drill = status.get("breaker"), status.get("drill")
    if drill:
        what = f"a drill is on: {drill.get('fault')}, for {drill.get('left_s')} s more"
        found.append(warn(WORKERS, what, "wait for its end: what is found meanwhile may be the drill's"))
    if breaker and breaker.get("state") != "closed":
        remedy = "see the lines on the CRM; it closes by itself once the CRM answers again"
        found.append(warn(WORKERS, breaker_reason(breaker), remedy))
    return found


def _trouble(child: Mapping[str, Any], heartbeat_ms: float) -> Finding | None:
    if trouble := child_trouble(child, heartbeat_ms):
        return warn(WORKERS, trouble, SEE_LOG)
    if child.get("restarts"):
        return warn(WORKERS, f"{child.get('name')} was started again {child['restarts']} times", SEE_LOG)
    return None


class Door:
    """Asks at the service's AGI addresses, as Asterisk does, with a test question that counts in no statistics.

    Args:
        allow: `agi.allow`.
        call_ms: `budget.call_ms`.
        did: the test number.
    """

    def __init__(self, allow: Sequence[str], call_ms: float, did: str, clock: Clock) -> None:
        self._allow = AllowList(allow)
        self._call_ms = call_ms
        self._did = did
        self._clock = clock

    async def knock(self, addresses: Sequence[str]) -> list[Finding]:
        """Ask at each address ("127.0.0.1:4573" or "[::1]:4573"), side by side."""
        return list(await asyncio.gather(*map(self._knock, addresses)))

    async def _knock(self, address: str) -> Finding:
        started_s = self._clock.now_s()
        try:
            async with asyncio.timeout(ANSWER_S):
                variables, admitted = await self._ask(address)
        except TimeoutError:
            remedy = "the port is another program's, or the service hangs: `fallbackrouter doctor` names its processes"
            return fail(AGI, f"{address} gives no answer within {ANSWER_S:g} s", remedy)
        except (OSError, AgiError, ValueError) as error:
            return fail(AGI, f"{address}: {_why(error)}", "start the service, and see that agi.listen is its address")
        return self._judge(address, variables, 1000 * (self._clock.now_s() - started_s), admitted=admitted)

    def _judge(self, address: str, variables: Mapping[str, str], took_ms: float, *, admitted: bool) -> Finding:
        if not variables.get("FR_SOURCE"):
            if not admitted:
                return skip(AGI, f"{address} does not admit this machine (agi.allow), so it cannot be asked from here")
            return fail(AGI, f"{address} closed the connection without an answer", SEE_LOG)
        what = f"{address} answered in {took_ms:.0f} ms from {variables['FR_SOURCE']}"
        if variables.get("FR_STATUS") == "unrecorded":
            return warn(AGI, f"{what}, but the answer was not on disk in time", "see the checks of disk and journal")
        if took_ms > self._call_ms + SPARE_MS:
            remedy = "the machine is overloaded: look for what else runs on it, and at the counters in `status`"
            return warn(AGI, f"{what}, more than budget.call_ms ({self._call_ms:g})", remedy)
        return ok(AGI, what)

    async def _ask(self, address: str) -> tuple[dict[str, str], bool]:
        """Return the variables that an answer sets, and whether the service admits us at all."""
        host, _, port = address.rpartition(":")
        call_id = f"doctor-{self._clock.new_id()}"
        block = header_block("test", (self._did, "init"), call_id=call_id, extension=self._did)
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        admitted = self._allow.admits(writer.get_extra_info("sockname")[0])
        variables: dict[str, str] = {}
        try:
            writer.write(block)
            while line := await reader.readline():
                variables.update(read_command(line))
                writer.write(OK_REPLY)
        except ConnectionError:
            pass  # a whole answer or none has come before
        finally:
            writer.transport.abort()
        return variables, admitted


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) if isinstance(error, AgiError) else "what listens there does not speak AGI"
