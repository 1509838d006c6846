"""What every child process does first and last, whatever it does in between."""

import argparse
import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop

from fallbackrouter import log
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.core.errors import ControlError, FallbackrouterError
from fallbackrouter.daemon.channel import Channel
from fallbackrouter.daemon.orphan import end_with_parent

FORBIDDEN = ("aiosqlite", "alembic", "ruamel", "sqlalchemy", "starlette", "typer")
"""What a call worker must never import: each is slow to load, and none is needed to answer a call."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Order:
    """What a child was started with.

    Attributes:
        name: "worker 1".
        listen: the inherited listening descriptors, of `agi.listen`.
        http_listen: the same, of `agi.http_listen`.
        base: what paths in the settings are relative to.
        token: the CRM's, "" without one.
        beat_s: how often to be heard.
    """

    name: str
    listen: tuple[int, ...]
    http_listen: tuple[int, ...]
    settings: Settings
    base: Path
    token: str
    beat_s: float


Work = Callable[[Channel, Order], Awaitable[None]]


def run_child(arguments: Sequence[str], work: Work) -> int:
    """Do a child's work until the parent lets it go.

    Returns:
        The exit code: 0 after it was let go, 1 when it could not start (the parent was told why).
    """
    descriptors = _descriptors(arguments)
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whom to stop, and when to reload, is the parent's to decide
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_with_parent(descriptors.channel)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_live(descriptors, work))
    log.close()
    return status


def _descriptors(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fallbackrouter", description="a process that `fallbackrouter serve` starts")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--listen", type=_numbers, default=())
    parser.add_argument("--http-listen", type=_numbers, default=())
    return parser.parse_args(arguments)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(",") if one)


async def _live(descriptors: argparse.Namespace, work: Work) -> int:
    channel = await Channel.open(descriptors.channel)
    try:
        order = _read_order(await channel.order(), descriptors)
        log.configure(level=order.settings.log.level, form=order.settings.log.format, process=order.name)
        await work(channel, order)
    except FallbackrouterError as refusal:
        channel.say({"say": "failed", "sentence": str(refusal)})
        return 1
    finally:
        await channel.close()
    return 0


def _read_order(message: Message, descriptors: argparse.Namespace) -> Order:
    try:
        settings = msgspec.convert(message["settings"], Settings)
        heartbeat_s = settings.agi.heartbeat_ms / 1000
        return Order(
            name=str(message["name"]),
            listen=descriptors.listen,
            http_listen=descriptors.http_listen,
            settings=settings,
            base=Path(message["base"]),
            token=str(message["token"]),
            beat_s=min(0.5, heartbeat_s / 3),
        )
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise ControlError(f"the order of `fallbackrouter serve` cannot be read: {error}") from None


def process_facts() -> Message:
    """Return what is worth knowing of any child."""
    return {
        "forbidden_modules": [name for name in FORBIDDEN if name in sys.modules],
        "log_lines_dropped": log.dropped_lines(),
        "ppid": os.getppid(),
        "rss_mb": round(_rss_mb(), 1),
    }


def _rss_mb() -> float:
    """Return what this process takes of the machine's memory in MiB, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * _PAGE_BYTES / 1_048_576
