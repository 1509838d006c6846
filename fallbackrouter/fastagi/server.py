"""The FastAGI door: hands every connection that the reception lets in to panoramisk's handler."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import Clock
from fallbackrouter.entrance.desk import Desk
from fallbackrouter.entrance.reception import Reception
from fallbackrouter.fastagi.application import CallApplication
from fallbackrouter.fastagi.connection import Connection, Handler


class AgiServer:
    """The FastAGI server of a call worker.

    It counts in the reception's counts: answered, events, eof, gone, garbage, too_big, closed (cut while draining),
    faults; and busy, unknown_path, hung_up, refused_commands among those.

    Args:
        reception: lets peers in, and bounds how many and how long.
        router: who answers.
        grammar: returns what paths and stages mean now.
        shape: which variables an answer sets.
    """

    def __init__(
        self,
        *,
        reception: Reception,
        router: Desk[Any],
        grammar: Callable[[], Grammar],
        shape: AnswerShape,
        clock: Clock,
    ) -> None:
        self._reception = reception
        self._make_application = partial(
            CallApplication,
            desk=router,
            grammar=grammar,
            shape=shape,
            held=reception.held,
            counts=reception.counts,
            clock=clock,
        )

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections from these listening sockets."""
        application = self._make_application()

        def admit(transport: asyncio.Transport) -> Handler | None:
            return application.handler if self._reception.admit(transport) else None

        await self._reception.listen(sockets, partial(Connection, admit))
