"""One connection from its first byte to its last: panoramisk's Application with a bounded handler.

- Header within bounds, then the answer at once; whatever the peer does costs this one connection.
- An unknown path, too many calls and a fault of our own in reading are answered from the instant tiers, never silence.
- Only a fault of our own while answering leaves the call to the dialplan, which sees no FR_SOURCE; it is logged whole.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from panoramisk.fast_agi import Application

from fallbackrouter.agi.answer import AnswerShape, event_commands, question_commands
from fallbackrouter.agi.environment import Environment, HeaderReader, HeaderTooBigError
from fallbackrouter.agi.request import Grammar, Request, bare_request, read_request
from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import AgiError
from fallbackrouter.core.route import printable
from fallbackrouter.entrance.desk import Desk
from fallbackrouter.entrance.held import Held
from fallbackrouter.fastagi.request import AgiRequest
from fallbackrouter.log import get_log

READ_BYTES = 16_384

log = get_log("fastagi")

_DIGITS = re.compile(r"\d{3,}")


class CallApplication(Application):
    """Answers connections.

    Args:
        grammar: returns what is in force now.
        counts: what happened to connections, by name.
    """

    def __init__(
        self,
        *,
        desk: Desk[Any],
        grammar: Callable[[], Grammar],
        shape: AnswerShape,
        held: Held,
        counts: Counter[str],
        clock: Clock,
    ) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._desk = desk
        self._grammar = grammar
        self._shape = shape
        self._held = held
        self._counts = counts
        self._clock = clock

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection; never raises but CancelledError."""
        transport = writer.transport
        ended = "closed"
        try:
            ended = await self._serve(reader, writer)
        except (AgiError, asyncio.LimitOverrunError) as error:
            ended = "too_big" if isinstance(error, HeaderTooBigError) else "garbage"
            log.debug("a peer was turned away", why=str(error))
        except (ConnectionError, asyncio.IncompleteReadError):
            ended = "gone"
        except Exception:  # the last line of defence: a fault of ours must not reach other calls
            log.exception("a call could not be answered, by a fault of the router's own")
            ended = "faults"
        finally:
            if self._held.close(transport):
                self._counts[ended] += 1
            transport.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Read the header, answer, and return the name of how it ended."""
        header = HeaderReader()
        environment: Environment | None = None
        while environment is None:
            data = await reader.read(READ_BYTES)
            if not data:
                return "eof"
            environment = header.feed(data)
        accepted_s = self._held.arrived(writer.transport)
        if accepted_s is None:
            return "eof"
        agi = AgiRequest(self, environment.values, reader, writer, header.tail)
        started_s = self._clock.now_s()
        return await self._answer(agi, self._read(environment), started_s, (started_s - accepted_s) * 1000)

    def _read(self, environment: Environment) -> Request:
        try:
            return read_request(environment, self._grammar())
        except Exception:  # a fault of ours: what the header says is enough for an answer
            log.exception("a request could not be read, by a fault of the router's own")
            return bare_request(environment)

    async def _answer(self, agi: AgiRequest, request: Request, started_s: float, read_ms: float) -> str:
        call = request.call
        if request.kind == "event":
            taken = await self._desk.report(call, started_s=started_s, read_ms=read_ms)
            self._held.sending(agi.writer.transport)
            await self._send(agi, event_commands(taken.event, taken.recorded))
            return "events"
        reason = self._instant_only(request)
        answered = await self._desk.answer(call, started_s=started_s, read_ms=read_ms, instant_only=reason)
        ready_s = self._held.sending(agi.writer.transport)
        await self._send(agi, question_commands(answered.decision, answered.recorded, self._shape))
        self._desk.sent(answered, (self._clock.now_s() - ready_s) * 1000)
        return "answered"

    def _instant_only(self, request: Request) -> str:
        """Return a reason not to ask the live CRM, "" to ask it."""
        if request.kind == "unknown":
            self._counts["unknown_path"] += 1
            path = _DIGITS.sub("#", printable(request.path, 40))
            log.warning(
                "a request that is none was answered from the instant tiers", path=path, call=request.call.call_id
            )
            return f"unknown path {path}" if request.path != "event" else "an event without a stage"
        if self._held.busy:
            self._counts["busy"] += 1
            return f"busy: {len(self._held)} calls are held"
        return ""

    async def _send(self, agi: AgiRequest, commands: Sequence[str]) -> None:
        for command in commands:
            reply = await agi.send_command(command)
            if "error" in reply:
                self._counts["refused_commands"] += 1
                log.warning("Asterisk refused a command", command=command.split(" ", 3)[2][:40], error=reply["error"])
        if agi.hung_up:
            self._counts["hung_up"] += 1
