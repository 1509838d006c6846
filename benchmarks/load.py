"""A FastAGI load generator: so many calls, so many at a time; every answer is looked at."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

HEADER = (
    "agi_network: yes\nagi_network_script: ask\nagi_request: agi://127.0.0.1:{port}/ask\n"
    "agi_channel: SIP/trunk-{n:08x}\nagi_language: en\nagi_type: SIP\nagi_uniqueid: 1700000000.{n}\n"
    "agi_version: 22.10.1\nagi_callerid: 7495{caller:07d}\nagi_calleridname: unknown\nagi_callingpres: 0\n"
    "agi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: {did}\nagi_rdnis: unknown\n"
    "agi_context: from-trunk\nagi_extension: {did}\nagi_priority: 5\nagi_enhanced: 0.0\nagi_accountcode: \n"
    "agi_threadid: 140000000000000\nagi_arg_1: {did}\nagi_arg_2: init\n\n"
)

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


async def call(port: int, did: str) -> bool:
    """Place one call; True when a whole answer came and the connection ended."""
    number = next(_numbers)
    header = HEADER.format(port=port, n=number, caller=number % 5000, did=did).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = False
    try:
        writer.write(header)
        while line := await reader.readline():
            answered = answered or (line.startswith(b"SET VARIABLE ARRAY(") and b"FR_SOURCE" in line)
            writer.write(b"200 result=1\n")
    except ConnectionError:
        pass
    finally:
        writer.close()
    return answered


async def closed_loop(port: int, *, calls: int, at_once: int, dids: list[str]) -> Run:
    """Place `calls` calls with a fixed number in flight."""
    run = Run()
    left = iter(range(calls))

    async def caller() -> None:
        for n in left:
            begun_s = time.perf_counter()
            if not await call(port, dids[n % len(dids)]):
                run.failed += 1
            run.ms.append((time.perf_counter() - begun_s) * 1000)

    begun_s = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    run.wall_s = time.perf_counter() - begun_s
    return run
