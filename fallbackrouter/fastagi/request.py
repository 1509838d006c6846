"""panoramisk's Request, with a reader of replies that keeps in step with Asterisk.

- One command, one reply, then the next: Asterisk polls the socket but reads by stdio, so a second line would hang it.
- A usage error is `520-...`, the usage, `520 End of...`: as many lines as it takes, one reply.
- `HANGUP` comes out of turn and is nobody's reply; where it was sent as urgent data its line feed is missing.
- A peer that has gone is a ConnectionError or an IncompleteReadError, never a ValueError.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from panoramisk.fast_agi import Application, Request
from panoramisk.utils import parse_agi_result

from fallbackrouter.core.errors import AgiError

MAX_REPLY_LINES = 64
"""The most lines before a reply has to have come."""

_DONE = b"200 result=1\n"


class AgiRequest(Request):
    """A call that waits for its answer.

    Args:
        tail: what had arrived behind the header's blank line.

    Attributes:
        hung_up: Asterisk said that the caller has gone.
    """

    def __init__(
        self,
        app: Application,
        headers: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tail: bytes = b"",
    ) -> None:
        super().__init__(app, headers, reader, writer)
        self._tail = tail
        self.hung_up = False

    async def send_command(self, command: str) -> dict[str, Any]:
        """Send a command and return its reply as panoramisk spells it; `error` in it: it was not carried out.

        A line of less than 2,000 bytes always fits the write buffer, so there is nothing to drain.

        Raises:
            ConnectionError: the peer has gone.
            asyncio.IncompleteReadError: the peer has gone in the middle of a line.
            asyncio.LimitOverrunError: a line without an end.
            AgiError: too many lines that are no reply.
        """
        if self.writer.transport.is_closing():
            raise ConnectionResetError("the peer has gone")
        self.writer.write(f"{command}\n".encode(self.encoding))
        return await self._read_result()

    async def _read_result(self) -> dict[str, Any]:
        for _ in range(MAX_REPLY_LINES):
            line = await self._read_line()
            if line == _DONE:
                return {"status_code": 200, "result": ("1", ""), "msg": ""}
            if line.startswith(b"HANGUP"):
                self.hung_up = True
                line = line.removeprefix(b"HANGUP")
                if line == b"\n":
                    continue
            if line.startswith(b"520-"):
                return await self._read_usage(line)
            if not line.startswith(b"100"):
                return _parsed(line)
        raise AgiError("the peer sent many lines and no reply")

    async def _read_usage(self, line: bytes) -> dict[str, Any]:
        for _ in range(MAX_REPLY_LINES):
            if (await self._read_line()).startswith(b"520 "):
                return {"status_code": 520, "error": "AGIUsageError", "msg": line.decode(self.encoding, "replace")}
        raise AgiError("the peer's usage error has no end")

    async def _read_line(self) -> bytes:
        if not self._tail:
            return await self.reader.readuntil(b"\n")
        line, newline, rest = self._tail.partition(b"\n")
        self._tail = rest
        return line + newline if newline else line + await self.reader.readuntil(b"\n")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        return parse_agi_result(line.decode("utf-8", "replace").rstrip("\r\n"))
    except ValueError:
        return {"status_code": 0, "error": "AGIUnknownError", "msg": "no reply of AGI's"}
