"""The control socket's other side: takes commands from people's programs, one a line, and answers each.

Bounded in connections, line size and time; whoever misbehaves loses the connection and nothing else.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from fallbackrouter.control.lines import MAX_LINE_BYTES, Message, decode, encode
from fallbackrouter.control.place import SOCKET_NAME, socket_address
from fallbackrouter.core.errors import FallbackrouterError

MAX_PEERS = 32
IDLE_S = 10.0
"""A peer that says nothing for so long, or does not read its answer, is let go."""

OnCommand = Callable[[Message], Awaitable[Message]]


class Door:
    """Serves `data_dir/control.sock`.

    Args:
        on_command: does what a command says; a FallbackrouterError is its refusal.
    """

    def __init__(self, data_dir: Path, on_command: OnCommand) -> None:
        self._data_dir = data_dir
        self._on_command = on_command
        self._peers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; a socket file that a killed daemon left is replaced (the lock on data_dir is ours).

        Raises:
            FallbackrouterError: the socket cannot be made.
        """
        try:
            listener = _bind(self._data_dir)
        except OSError as error:
            path = self._data_dir / SOCKET_NAME
            raise FallbackrouterError(f"{path} cannot be made ({error.strerror}); make data_dir writable") from None
        self._server = await asyncio.start_server(self._meet, sock=listener, limit=MAX_LINE_BYTES)

    async def close(self) -> None:
        """Stop listening and let every peer go."""
        if self._server is not None:
            self._server.close()
        for peer in self._peers:
            peer.cancel()
        if self._peers:
            await asyncio.wait(self._peers, timeout=1)
        with suppress(OSError):
            (self._data_dir / SOCKET_NAME).unlink()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a server's callback runs in a task
        if len(self._peers) >= MAX_PEERS:
            writer.close()
            return
        self._peers.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError):
            pass
        except asyncio.CancelledError:
            pass  # the door closes; start_server would log a cancelled callback as an error
        finally:
            self._peers.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_S):
                try:
                    line = await reader.readline()
                except ValueError:
                    line = b"too long"
            if not line:
                return
            answer = await self._answer(line)
            writer.write(encode(answer))
            async with asyncio.timeout(IDLE_S):
                await writer.drain()
            if not line.endswith(b"\n"):
                return

    async def _answer(self, line: bytes) -> Message:
        try:
            answer = await self._on_command(decode(line))
            encode(answer)
        except FallbackrouterError as refusal:
            return {"ok": False, "error": str(refusal)[:4096]}
        except Exception as error:  # noqa: BLE001 - a bug of ours costs one command, never the parent
            return {"ok": False, "error": f"the command failed in our own code: {type(error).__name__}: {error}"[:4096]}
        return {"ok": True, **answer}


def _bind(data_dir: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        (data_dir / SOCKET_NAME).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    mask = os.umask(0o177)
    try:
        with socket_address(data_dir) as address:
            listener.bind(address)
        listener.listen(MAX_PEERS)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener
