"""How a CRM may misbehave: one function a mode, `NAME[:ARGUMENT]`.

A mode gets an exchange whose question has been read and says whether the connection stays open. `deaf` (accepted and
never read) and `hang_tls` (no handshake) are played by the server itself, before there is any question.
"""

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache

from tests.fakes.http import head, whole

BEFORE_THE_QUESTION = ("deaf", "hang_tls")
TAKING = frozenset({"ok", "slow", "close", "cut", "reset", "huge", "drip_body", "idle_close", "idle_death"})
"""In these modes an event is taken, whatever then becomes of the answer."""
FLOOD = 65_536


@dataclass
class Exchange:
    """One question on one connection.

    Attributes:
        answer: what a CRM in good health would send as its body.
        nth: from 1, the question's number on this connection.
        path: the question's, for redirects.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    socket: socket.socket
    answer: bytes
    nth: int
    path: str

    async def send(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError("the client has gone")
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has gone; what it still sends is thrown away."""
        while await self.reader.read(65_536):
            pass

    async def drip(self, data: bytes, pause_s: float) -> None:
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(pause_s)


Mode = Callable[[Exchange, str], Awaitable[bool]]


async def ok(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(exchange.answer))
    return True


async def miss(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(b'{"status":false}'))
    return True


async def slow(exchange: Exchange, argument: str) -> bool:
    await asyncio.sleep(float(argument or 1))
    return await ok(exchange, "")


async def hang(exchange: Exchange, _argument: str) -> bool:
    await exchange.gone()
    return False


async def idle_death(exchange: Exchange, _argument: str) -> bool:
    """A kept connection that is dead at its second question, as behind a firewall that forgot it."""
    return await (ok if exchange.nth == 1 else hang)(exchange, "")


async def idle_close(exchange: Exchange, _argument: str) -> bool:
    """A kept connection that ends the moment its second question has come."""
    if exchange.nth == 1:
        return await ok(exchange, "")
    return False


async def close(_exchange: Exchange, _argument: str) -> bool:
    return False


async def status(exchange: Exchange, argument: str) -> bool:
    await exchange.send(whole(b'{"message":"no"}', int(argument)))
    return True


async def words(exchange: Exchange, argument: str) -> bool:
    """A status with words of the CRM's, `words:422:no such call`."""
    code, _, text = argument.partition(":")
    await exchange.send(whole(text.encode(), int(code), kind="text/plain"))
    return True


async def choke(exchange: Exchange, argument: str) -> bool:
    """A failure at one stage, and good health at all others: `choke:start`."""
    return await (status(exchange, "500") if exchange.path.endswith(f"/{argument}") else ok(exchange, ""))


async def retry_after(exchange: Exchange, argument: str) -> bool:
    """A status that says when to come back, `retry_after:30` (503) or `retry_after:30;429`; or a date."""
    when, _, code = argument.partition(";")
    await exchange.send(whole(b"", int(code or 503), f"Retry-After: {when}"))
    return True


async def body(exchange: Exchange, argument: str) -> bool:
    """Any body at all, with 200."""
    await exchange.send(whole(argument.encode()))
    return True


async def html(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(b"<!DOCTYPE html><html><body>Sign in</body></html>", kind="text/html"))
    return True


async def garbage(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(b"\x00\xff\x16\x03 not HTTP at all\r\n\r\n" * 10)
    return False


async def redirect(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(b"", 307, f"Location: {exchange.path}"))
    return True


async def cut(exchange: Exchange, _argument: str) -> bool:
    """The body ends before its announced length."""
    await exchange.send(head(200, len(exchange.answer)) + exchange.answer[:-5])
    return False


async def cut_json(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(exchange.answer[:-5]))
    return True


async def reset(exchange: Exchange, _argument: str) -> bool:
    exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await exchange.send(head(200, len(exchange.answer)) + exchange.answer[:5])
    await asyncio.sleep(0.02)
    exchange.writer.transport.abort()
    return False


async def drip(exchange: Exchange, argument: str) -> bool:
    await exchange.drip(whole(exchange.answer), float(argument or 0.05))
    return True


async def drip_body(exchange: Exchange, argument: str) -> bool:
    await exchange.send(head(200, len(exchange.answer)))
    await exchange.drip(exchange.answer, float(argument or 0.05))
    return True


async def nan(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(b'{"status":true,"result":{"app":"group","num":NaN}}'))
    return True


async def deep(exchange: Exchange, argument: str) -> bool:
    depth = int(argument or 60_000)
    await exchange.send(whole(b'{"status":true,"result":' + b"[" * depth))
    return True


async def huge(exchange: Exchange, argument: str) -> bool:
    """A body of a gigabyte; `huge:unannounced` leaves out its length."""
    total = 1 << 30
    await exchange.send(head(200, None if argument else total))
    for _ in range(total // FLOOD):
        await exchange.send(b" " * FLOOD)
    return False


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 10_000_000)


async def gzip_bomb(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(_bomb(), 200, "Content-Encoding: gzip"))
    return True


async def chunks(exchange: Exchange, argument: str) -> bool:
    """A body in many chunks of a byte each."""
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in exchange.answer[:-1])
    pieces += b"1\r\n \r\n" * int(argument or 60_000) + b"1\r\n}\r\n"
    await exchange.send(head(200, None, "Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n")
    return True


async def early_hints(exchange: Exchange, argument: str) -> bool:
    """So many interim answers before the answer, or without an end."""
    if argument:
        hints = b"HTTP/1.1 103 Early Hints\r\n\r\n" * int(argument)
        await exchange.send(hints + whole(exchange.answer))
        return True
    while True:
        await exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500)


@cache
def _lines(how_many: int) -> tuple[str, ...]:
    return tuple(f"X-H{n}: {n}" for n in range(how_many))


async def headers(exchange: Exchange, argument: str) -> bool:
    await exchange.send(whole(exchange.answer, 200, *_lines(int(argument or 100_000))))
    return True


async def cookies(exchange: Exchange, _argument: str) -> bool:
    await exchange.send(whole(exchange.answer, 200, *[f"Set-Cookie: c{n}=v{n}; Path=/" for n in range(50)]))
    return True


MODES: dict[str, Mode] = {
    mode.__name__: mode
    for mode in (
        ok, miss, slow, hang, idle_death, idle_close, close, status, words, choke, retry_after, body, html, garbage,
        redirect, cut, cut_json, reset, drip, drip_body, nan, deep, huge, gzip_bomb, chunks, early_hints, headers,
        cookies,
    )
}  # fmt: skip
MODES |= dict.fromkeys(BEFORE_THE_QUESTION, hang)  # a connection that was open before goes silent


def takes(name: str, argument: str, path: str) -> bool:
    """Tell whether an event is taken in a mode."""
    return name in TAKING or (name == "choke" and not path.endswith(f"/{argument}"))


def split_mode(text: str) -> tuple[str, str]:
    """Return a mode's name and argument; a bare number is `status:NUMBER`.

    Raises:
        ValueError: there is no such mode.
    """
    name, _, argument = text.partition(":")
    if name.isdigit():
        return "status", name
    if name not in MODES:
        raise ValueError(f"no mode {text!r}; there are {', '.join(sorted(MODES))}, and a status such as 503")
    return name, argument
