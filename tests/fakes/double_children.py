"""Doubles of the children, run as programs: the parent's tests need processes, not call routing.

The configuration is a JSON file; what a double does wrong is asked for there, under "fault".
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter.clock import Clock
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.crm.drill import Drill
from fallbackrouter.daemon.call_worker import main as call_worker
from fallbackrouter.daemon.channel import Channel
from fallbackrouter.daemon.child_process import Order, run_child
from fallbackrouter.daemon.plan import Plan


class DoubleHouse:
    """Answers `hold S` after S seconds and everything else at once, with its pid and its rules' text."""

    def __init__(self, base: Path, config: Mapping[str, Any]) -> None:
        self._base = base
        self._config = config
        self._servers: list[asyncio.Server] = []
        self._held: set[asyncio.Task[None]] = set()
        self._answered = 0
        self.rules = self.routes = 0

    async def start(self, agi: Sequence[socket.socket], http: Sequence[socket.socket]) -> None:
        await self.rules_changed()
        for one in agi:
            self._servers.append(await asyncio.start_server(self._meet, sock=one))
        for one in http:
            self._servers.append(await asyncio.start_server(self._greet, sock=one))

    async def _greet(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer at the HTTP address: by another door, with the same words."""
        writer.write(f"http {os.getpid()}\n".encode())
        writer.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._held.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            self._held.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).decode().split()
        match words:
            case ["hold", seconds]:
                await asyncio.sleep(float(seconds))
            case ["spin"]:
                while True:
                    pass
            case ["block"]:
                time.sleep(3600)  # noqa: ASYNC251 - a loop that hangs is what is asked for
            case ["die"]:
                os.kill(os.getpid(), signal.SIGKILL)
        self._answered += 1
        writer.write(f"{os.getpid()} {self.rules} {self._config.get('mark', '')}\n".encode())
        await writer.drain()

    async def rules_changed(self) -> int:
        self.rules = len((self._base / "rules.txt").read_text(encoding="utf-8").split())
        return self.rules

    async def routes_changed(self) -> int:
        self.routes += 1
        return self.routes

    async def prompts_changed(self) -> int:
        return 0

    def share_prompts(self, tell: Callable[[Message], None]) -> None:
        self._tell_of_prompts = tell

    def share_breaker(self, tell: Callable[[Message], None]) -> None:
        self._tell_others = tell

    def adopt_breaker(self, message: Message) -> None:
        self._adopted = message

    def drill(self, drill: Drill | None) -> None:
        if self._config.get("drills") == "refused":
            raise ConfigError("the double takes part in no drill")
        self._drill = drill

    def counters(self) -> dict[str, int | float | None]:
        return {"answered": self._answered}

    def tally(self) -> dict[str, Any]:
        return {"events": self._answered}

    async def close(self, within_s: float) -> None:
        for server in self._servers:
            server.close()
        if self._held:
            await asyncio.wait(self._held, timeout=within_s)


async def build(settings: Settings, *, base: Path, token: str, clock: Clock, log: Any) -> DoubleHouse:
    config = json.loads(settings.last_resort["double"])
    match config.get("fault"):
        case "crash":
            raise RuntimeError("a bug of ours")
        case "refuse":
            raise ConfigError("the double refuses; give it another configuration")
        case "slow":
            await asyncio.sleep(3600)
        case "once" if not (base / "failed").exists():
            (base / "failed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    assert token == "secret"  # noqa: S105 - what the double's prepare hands out
    return DoubleHouse(base, config)


def prepare(arguments: Sequence[str]) -> int:
    """Make a plan of a JSON file; "prepare" in it says what goes wrong."""
    path = Path(arguments[1])
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        _say({"error": f"{path} is not JSON; correct it"})
        return 1
    data_dir = path.parent / config.get("data_dir", "var")
    data_dir.mkdir(exist_ok=True)
    _say({"data_dir": str(data_dir)})
    if not sys.stdin.readline():
        return 1
    settings = msgspec.to_builtins(
        Settings(
            last_resort={"double": json.dumps(config)},
            agi=msgspec.convert({"heartbeat_ms": config.get("heartbeat_ms", 8000)}, type(Settings(last_resort={}).agi)),
        )
    )
    plan = Plan(
        data_dir=data_dir,
        listen=tuple(config.get("listen", ["127.0.0.1:0"])),
        http_listen=tuple(config.get("http_listen", [])),
        workers=config.get("workers", 1),
        heartbeat_ms=config.get("heartbeat_ms", 8000),
        crm=config.get("crm", ""),
        digest=json.dumps(config),
        log_level="info",
        log_format="json",
        order={"settings": settings, "base": str(path.parent), "token": "secret"},
        rules={"count": 0},
        max_rss_mb=config.get("max_rss_mb", 0),
    )
    _say(plan.to_line())
    return 0


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def background(arguments: Sequence[str]) -> int:
    """Note every incident in a file, and refuse or answer `apply`."""

    async def work(channel: Channel, order: Order) -> None:
        async def incident(message: Message) -> Message:
            with (order.base / "incidents.log").open("a", encoding="utf-8") as file:
                file.write(f"{message['part']} {message['state']}: {message['reason']}\n")
            return {}

        async def apply(message: Message) -> Message:
            (order.base / "rules.txt").write_text("one two three four", encoding="utf-8")
            channel.say({"say": "rules_changed"})
            return {"applied": True, "changed": True, "rules": 4, "problems": []}

        channel.beat(dict, 0.2)
        channel.serve({"incident": incident, "apply": apply})
        channel.say({"say": "ready"})
        await channel.leaving.wait()

    return run_child(arguments, work)


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["prepare", *rest]:
            return prepare(rest)
        case ["worker", *rest]:
            return call_worker(rest, build)
        case ["background", *rest]:
            return background(rest)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
