"""The manager interface's bytes, within bounds, on their way into panoramisk's protocol.

Its rules: only whole messages are handed on, so that no letter is cut in two; a peer that does not greet as Asterisk
does, or whose message does not end, costs its connection; so does a message that panoramisk cannot read.
"""

import asyncio
from typing import cast

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

GREETING = b"Asterisk Call Manager/"
MAX_GREETING_BYTES = 200
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""The most bytes without the blank line that ends a message; the output of a console command is one message."""
_END = b"\r\n\r\n"


class BoundedProtocol(AMIProtocol):
    """One connection's bytes.

    Args:
        owner: what panoramisk calls the factory; known from the first byte on, as a connection may end before a second.
    """

    def __init__(self, owner: Manager) -> None:
        self._owner = owner
        self._greeted = False
        self._unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        super().connection_made(transport)
        self.factory = self._owner
        self.encoding = "utf8"
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and hand on the messages that are whole."""
        if self._transport.is_closing():
            return
        looked_at = max(0, len(self._unread) - len(_END) + 1) if self._greeted else 0
        self._unread += data
        if not self._greeted and not self._greet():
            return
        end = self._unread.rfind(_END, looked_at)
        if end >= 0:
            whole = bytes(self._unread[: end + len(_END)])
            del self._unread[: end + len(_END)]
            self._hand_on(whole)
        if len(self._unread) > MAX_MESSAGE_BYTES:
            self._lose("it sent a message without an end")

    def _greet(self) -> bool:
        """Take the greeting away; tell whether it was there."""
        line, found, rest = self._unread.partition(b"\n")
        wanted = GREETING if found else GREETING[: len(line)]
        if not line.startswith(wanted) or len(line) > MAX_GREETING_BYTES:
            self._lose("what listens there is no Asterisk manager interface")
            return False
        if found:
            self._greeted = True
            self._unread = rest
        return bool(found)

    def _hand_on(self, whole: bytes) -> None:
        try:
            super().data_received(whole)
        except Exception:  # noqa: BLE001 - whatever panoramisk cannot read is the peer's fault, and costs this connection
            self._lose("it sent a message that cannot be read")

    def _lose(self, why: str) -> None:
        self._unread.clear()
        self._transport.abort()
        self.connection_lost(ConnectionError(why))
