"""One connection to the manager interface: made, used, lost once.

panoramisk's Manager connects again by itself, sends unanswered actions a second time then, never looks at the answers
to its pings, and leaves the futures of a lost connection open for ever. So each connection gets a Manager of its own
that does none of it: whoever waits is told at once that the connection is lost, and the next connection starts empty.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from panoramisk.actions import Action
from panoramisk.manager import Manager
from panoramisk.message import Message

from fallbackrouter.ami.protocol import BoundedProtocol
from fallbackrouter.connecting import connect_to
from fallbackrouter.core.errors import AmiError, NotSentError

if TYPE_CHECKING:
    from panoramisk.ami_protocol import AMIProtocol

Fields = Mapping[str, str]
"""A message's headers; of one that repeats, the values are joined by line breaks."""
Order = Mapping[str, str | Sequence[str]]
"""An action's headers; one with several values is sent several times."""
OnEvent = Callable[[Fields], None]

MAX_LISTED = 200_000
"""The most messages that an answer may have."""

_SILENT = logging.getLogger("fallbackrouter.ami.silent")
_SILENT.disabled = True  # panoramisk would log whole actions, the secret of a login among them


class Session(Manager):
    """One connection.

    Args:
        on_event: given every event that answers no action; exceptions of its own end the connection.
    """

    def __init__(self, on_event: OnEvent | None = None) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop=loop, log=_SILENT)
        self.lost: asyncio.Future[str] = loop.create_future()
        self._ids = itertools.count(1)
        if on_event is not None:
            self.register_event("*", lambda _, message: on_event(plain(message)))

    async def open(self, address: str, port: int) -> None:
        """Connect; may be cancelled at any moment.

        Raises:
            OSError: nobody takes the connection.
        """
        connected = await connect_to(address, port)
        loop = asyncio.get_running_loop()
        try:
            made = await loop.create_connection(lambda: BoundedProtocol(self), sock=connected)
        except BaseException:
            connected.close()
            raise
        done: asyncio.Future[tuple[asyncio.Transport, AMIProtocol]] = loop.create_future()
        done.set_result(made)
        if not self.lost.done():
            self.connection_made(done)

    async def ask(self, fields: Order, within_s: float, *, listed: bool) -> list[Fields]:
        """Send an action and return its answer, with the events of a list behind it.

        Args:
            listed: a list may follow; else the first message is the answer.

        Raises:
            NotSentError: the connection is lost already.
            AmiError: no answer came in time, or the connection was lost meanwhile.
            ValueError: a field holds a line break, or what is no text.
        """
        action = _Bounded(_clean({**fields, "ActionID": f"fallbackrouter-{next(self._ids)}"}))
        if self.lost.done():
            raise NotSentError(self.lost.result())
        future = self.send_action(action, as_list=None if listed else False)
        ends: set[asyncio.Future[Any]] = {future, self.lost}
        try:
            await asyncio.wait(ends, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.protocol is not None:
                self.protocol.responses.pop(action.id, None)
        if future.done():
            answer = future.result()
            return [plain(message) for message in (answer if isinstance(answer, list) else [answer])]
        future.cancel()
        if self.lost.done():
            raise AmiError(self.lost.result())
        raise AmiError(f"Asterisk's manager interface gave no answer to {fields['Action']} within {within_s:g} s")

    def ping(self) -> None:
        """Do nothing: a ping whose answer nobody looks at finds no dead peer."""

    def connection_lost(self, exc: object) -> None:
        """Tell whoever waits; never connects again."""
        if not self.lost.done():
            why = f" ({exc})" if isinstance(exc, Exception) and str(exc) else ""
            self.lost.set_result(f"the connection to Asterisk's manager interface ended{why}")

    def close(self) -> None:
        """End the connection."""
        self.connection_lost(None)
        super().close()


class _Bounded(Action):
    """An action whose answer has a bound."""

    def add_message(self, message: Message) -> bool:
        """Take a message of the answer; tell whether the answer is whole."""
        if len(self.responses) >= MAX_LISTED and not self.future.done():
            self.future.set_exception(AmiError(f"Asterisk's answer has more than {MAX_LISTED:,} entries"))
            return True
        return super().add_message(message)


def plain(message: Message) -> Fields:
    """Return a message as plain text, header by header."""
    return {name: value if isinstance(value, str) else "\n".join(value) for name, value in message.items()}


def _clean(order: Order) -> Order:
    for name, given in order.items():
        for value in (given,) if isinstance(given, str) else given:
            if any(letter in name + value for letter in "\r\n"):
                raise ValueError(f"the field {name!r} of an action holds a line break")
            value.encode()  # half a surrogate pair would be swallowed later
    return {name: given if isinstance(given, str) else list(given) for name, given in order.items()}
