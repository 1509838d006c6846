"""A CRM on loopback that answers by DID, keeps what it was asked, and misbehaves on command.

In a test:

    async with FakeCrm({"74951111111": {"app": "group", "num": "62"}}) as crm:
        ... crm.url, crm.requests, crm.mode = "hang", crm.met["hang"] ...

As a process, which prints its port on a first line and its control port on a second one:

    python -m tests.fakes.crm --port 0 --mode hang

Its control port speaks plain HTTP in every mode: `POST /_mode` with `{"mode": "hang"}`, `POST /_answers` with a result
by DID, `GET /_state` (counts), `GET /_requests`, `GET /_events`. The CRM's own port takes the same paths in all modes
but those that read no question (`deaf`, `hang_tls`).

A request with an `Idempotency-Key` is an event: one whose key is known changes nothing and is answered the same. With
`--events FILE` each that comes is a line there, `{"key": …, "again": …, "path": …, "body": …}`, which the next process
with the same file knows again.
"""

import argparse
import asyncio
import json
import socket
import ssl
import sys
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from tests.fakes.crm_events import Events
from tests.fakes.crm_modes import BEFORE_THE_QUESTION, MODES, Exchange, ok, split_mode, takes
from tests.fakes.http import Asked, read_request, whole

PATH = "/api/v1/asterisk/callin/{stage}"
ROUTE = {"app": "group", "num": "62", "time": "100"}
"""What every DID gets where no answers were given."""


class FakeCrm:
    """A CRM.

    Args:
        answers: DID -> the answer's `result`, with a `ttl` in it if wanted; None: `ROUTE` for every DID.
        mode: how it behaves, see tests.fakes.crm_modes.
        tls: a server's context; None for plain HTTP.
        events: the file that events are written to, "" without.
    """

    def __init__(
        self,
        answers: Mapping[str, Mapping[str, object]] | None = None,
        *,
        mode: str = "ok",
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        events: str = "",
    ) -> None:
        self.answers = None if answers is None else dict(answers)
        self.mode = mode
        self.requests: deque[Asked] = deque(maxlen=20_000)
        self.met: Counter[str] = Counter()
        self.events = Events(events)
        self.accepted = 0
        self._tls = tls
        self._listener = _listen(host, port)
        self._control = _listen(host, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[socket.socket] = set()
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.control_port: int = self._control.getsockname()[1]

    @property
    def mode(self) -> str:
        """How it behaves now; a new mode counts from the next question on."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        split_mode(mode)
        self._mode = mode

    @property
    def url(self) -> str:
        """What `crm.url` has to be."""
        return self.url_for(self.host)

    def url_for(self, name: str) -> str:
        """Return the URL under another host name."""
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{PATH}"

    @property
    def open_connections(self) -> int:
        """How many connections the fake holds now."""
        return len(self._open)

    async def __aenter__(self) -> Self:
        self._spawn(self._accept(self._listener, self._tls))
        self._spawn(self._accept(self._control, None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._listener.close()
        self._control.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while True:
            connected, _ = await asyncio.get_running_loop().sock_accept(listener)
            if listener is self._listener:
                self.accepted += 1
            self._spawn(self._hold(connected, tls, control=listener is self._control))

    async def _hold(self, connected: socket.socket, tls: ssl.SSLContext | None, *, control: bool) -> None:
        self._open.add(connected)
        try:
            if not control and await self._refuse_to_listen():
                return
            await self._talk(connected, tls)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client went away, which is its right
        finally:
            self._open.discard(connected)
            connected.close()

    async def _refuse_to_listen(self) -> bool:
        """Play the modes that come before any question; they last until the mode changes."""
        name = split_mode(self._mode)[0]
        if name not in BEFORE_THE_QUESTION:
            return False
        self.met[name] += 1
        while split_mode(self._mode)[0] == name:
            await asyncio.sleep(0.02)
        return True

    async def _talk(self, connected: socket.socket, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 20)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connected, ssl=tls)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            nth = 1
            while await self._exchange(reader, writer, connected, nth):
                nth += 1
            writer.close()
            await writer.wait_closed()
        finally:
            transport.abort()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connected: socket.socket, nth: int
    ) -> bool:
        asked = await read_request(reader)
        exchange = Exchange(reader, writer, connected, self._answer(asked), nth, asked.path)
        if asked.path.startswith("/_"):
            return await self._obey(asked, exchange)
        self.requests.append(asked)
        if asked.method == "HEAD":
            await exchange.send(whole(b""))
            return True
        name, argument = split_mode(self._mode)
        self.met[name] += 1
        if "idempotency-key" in asked.headers and takes(name, argument, asked.path):
            self.events.take(asked)
        return await MODES[name](exchange, argument)

    def _answer(self, asked: Asked) -> bytes:
        did = str((asked.body or {}).get("phonenumber", ""))
        result = ROUTE if self.answers is None else self.answers.get(did)
        if result is None:
            return b'{"status":false}'
        ttl = {"ttl": result["ttl"]} if "ttl" in result else {}
        fields = {name: value for name, value in result.items() if name != "ttl"}
        return json.dumps({"status": True, "result": fields, **ttl}).encode()

    async def _obey(self, asked: Asked, exchange: Exchange) -> bool:
        state: object = {}
        if asked.path == "/_mode":
            try:
                self.mode = str((asked.body or {})["mode"])
            except (KeyError, ValueError) as error:
                await exchange.send(whole(str(error).encode(), 400, kind="text/plain"))
                return True
        elif asked.path == "/_answers":
            self.answers = asked.body
        elif asked.path == "/_requests":
            state = [asdict(request) for request in self.requests]
        elif asked.path == "/_events":
            state = list(self.events.latest)
        else:
            state = self.state
        exchange.answer = json.dumps(state).encode()
        return await ok(exchange, "")

    @property
    def state(self) -> dict[str, object]:
        """What it has met so far."""
        return {
            "mode": self._mode,
            "met": dict(self.met),
            "accepted": self.accepted,
            "open": self.open_connections,
            "requests": len(self.requests),
            "events": len(self.events.keys),
            "events_again": self.events.again,
        }


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=1024)
    listener.settimeout(0)
    return listener


async def _serve(arguments: argparse.Namespace) -> None:
    tls = None
    if arguments.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.cert, arguments.key or None)
    answers = json.loads(arguments.answers) if arguments.answers else None
    async with FakeCrm(
        answers, mode=arguments.mode, tls=tls, host=arguments.host, port=arguments.port, events=arguments.events
    ) as crm:
        sys.stdout.write(f"{crm.port}\n{crm.control_port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Run as a process until it is killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.crm", description="A CRM that can misbehave.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", default="ok", help=f"{', '.join(sorted(MODES))}, or a status such as 503")
    parser.add_argument("--answers", default="", help='JSON, DID -> result, e.g. {"632":{"app":"group","num":"62"}}')
    parser.add_argument("--cert", default="", help="PEM; serves https")
    parser.add_argument("--key", default="")
    parser.add_argument("--events", default="", help="file that events are written to, and known again from")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
