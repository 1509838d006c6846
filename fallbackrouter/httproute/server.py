"""The HTTP door: the same questions and events as FastAGI's, for `CURL()` where no AGI may run."""

import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.agi.request import Grammar
from fallbackrouter.clock import Clock
from fallbackrouter.entrance.desk import Desk
from fallbackrouter.entrance.reception import Reception
from fallbackrouter.httproute.connection import Connection
from fallbackrouter.httproute.service import HttpService


class HttpServer:
    """The HTTP server of a call worker.

    It counts in the reception's counts: http_answered, http_events, http_refused, http_faults, and gone and busy, as
    FastAGI's does.

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
        service = HttpService(desk=router, grammar=grammar, shape=shape, held=reception.held, counts=reception.counts)
        self._make = partial(Connection, service, reception, clock)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections from these listening sockets."""
        await self._reception.listen(sockets, self._make)
