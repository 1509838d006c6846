"""A FastAGI load generator: so many calls, so many at a time; every answer is looked at.

It is a protocol class and not a stream, as the generator must not be what is measured.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import cast

HEADER = (
    "agi_network: yes\nagi_network_script: {path}\nagi_request: agi://127.0.0.1:{port}/{path}\n"
    "agi_channel: SIP/trunk-{n:08x}\nagi_language: en\nagi_type: SIP\nagi_uniqueid: 1700000000.{n}\n"
    "agi_version: 22.10.1\nagi_callerid: 7495{caller:07d}\nagi_calleridname: unknown\nagi_callingpres: 0\n"
    "agi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: {did}\nagi_rdnis: unknown\n"
    "agi_context: from-trunk\nagi_extension: {did}\nagi_priority: 5\nagi_enhanced: 0.0\nagi_accountcode: \n"
    "agi_threadid: 140000000000000\nagi_arg_1: {did}\nagi_arg_2: {stage}\n\n"
)
CALLERS = 5000
REPLY = b"200 result=1\n"

_numbers = itertools.count(1)


@dataclass
class Run:
    """What a run saw: wall time in s, each call's time in ms, calls without a whole answer."""

    wall_s: float = 0.0
    ms: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def rate(self) -> float:
        """Calls per second."""
        return len(self.ms) / self.wall_s if self.wall_s else 0.0

    def quantile_ms(self, share: float) -> float:
        """Return the time within which that share of the calls was answered."""
        ranked = sorted(self.ms)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


class _Call(asyncio.Protocol):
    """One call: sends its header, replies to each command, and ends when the server closes."""

    def __init__(self, header: bytes, ended: asyncio.Future[bool]) -> None:
        self._header = header
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._line = b""
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.write(self._header)

    def data_received(self, data: bytes) -> None:
        self._line += data
        while b"\n" in self._line:
            line, _, self._line = self._line.partition(b"\n")
            self._answered = self._answered or (line.startswith(b"SET VARIABLE ARRAY(") and b"FR_SOURCE" in line)
            if self._transport is not None:
                self._transport.write(REPLY)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a reset counts by what came before it
        if not self._ended.done():
            self._ended.set_result(self._answered)


@dataclass(frozen=True)
class Words:
    """What a call says: the AGI path and the stage."""

    path: str = "ask"
    stage: str = "init"


QUESTION = Words()


async def call(port: int, did: str, words: Words = QUESTION) -> bool:
    """Place one call; True when a whole answer came and the connection ended."""
    number = next(_numbers)
    header = HEADER.format(port=port, n=number, caller=number % CALLERS, did=did, path=words.path, stage=words.stage)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[bool] = loop.create_future()
    try:
        await loop.create_connection(lambda: _Call(header.encode(), ended), "127.0.0.1", port)
    except OSError:
        return False
    return await ended


async def closed_loop(port: int, *, calls: int, at_once: int, dids: list[str], words: Words = QUESTION) -> Run:
    """Place `calls` calls with a fixed number in flight."""
    run = Run()
    left = iter(range(calls))

    async def caller() -> None:
        for n in left:
            begun_s = time.perf_counter()
            if not await call(port, dids[n % len(dids)], words):
                run.failed += 1
            run.ms.append((time.perf_counter() - begun_s) * 1000)

    begun_s = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    run.wall_s = time.perf_counter() - begun_s
    return run
