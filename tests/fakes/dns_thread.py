"""The fake name server in a thread of its own, for tests that have no event loop.

with DnsThread({"crm.example": ["127.0.0.1"]}, mode="silent") as dns:
    ... dns.address ... dns.mode = "ok" ... dns.asked["crm.example"] ...
"""

import asyncio
import threading
from types import TracebackType
from typing import Self

from tests.fakes.dns import FakeDns


class DnsThread:
    """A name server; see tests.fakes.dns for its modes."""

    def __init__(self, records: dict[str, list[str]], *, mode: str = "ok", ttl_s: int = 60) -> None:
        self._dns = FakeDns(records, mode=mode, ttl_s=ttl_s)
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="name server")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(30), "the name server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with self._dns:
            self._started.set()
            await self._over.wait()

    @property
    def address(self) -> str:
        """Return `address:port`."""
        return self._dns.address

    @property
    def mode(self) -> str:
        """How it behaves now."""
        return self._dns.mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._dns.mode = mode

    def asked(self, name: str) -> int:
        """Return how often it was asked for a name."""
        return self._dns.asked[name]
