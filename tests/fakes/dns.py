"""A name server on loopback (UDP) that answers, is silent, or fails, as it is told.

async with FakeDns({"crm.example": ["127.0.0.1"]}) as dns:
    ... Resolver(nameservers=[dns.address]) ... dns.mode = "silent" ... dns.asked["crm.example"] ...
"""

import asyncio
import ipaddress
import struct
from collections import Counter
from types import TracebackType
from typing import Self

_A, _AAAA = 1, 28
_CODES = {"ok": 0, "servfail": 2, "nxdomain": 3}
MODES = (*_CODES, "silent", "garbage")


class FakeDns(asyncio.DatagramProtocol):
    """A name server.

    Args:
        records: name -> addresses, IPv4 and IPv6.
        ttl_s: every record's.
    """

    def __init__(self, records: dict[str, list[str]], *, mode: str = "ok", ttl_s: int = 60) -> None:
        self.records = records
        self.mode = mode
        self.ttl_s = ttl_s
        self.asked: Counter[str] = Counter()
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport:
            self._transport.close()

    @property
    def address(self) -> str:
        """Return `address:port`, as a resolver takes it."""
        if not self._transport:
            raise RuntimeError("the name server has not been started")
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, kind, question = _read_question(data)
        self.asked[name] += 1
        if self.mode == "silent" or not self._transport:
            return
        answer = b"\x00\x01 rubbish" if self.mode == "garbage" else self._answer(data[:2], name, kind, question)
        self._transport.sendto(answer, addr)

    def _answer(self, number: bytes, name: str, kind: int, question: bytes) -> bytes:
        code = _CODES[self.mode] or (0 if name in self.records else _CODES["nxdomain"])
        found = [] if code else [ipaddress.ip_address(text) for text in self.records[name]]
        wanted = [address.packed for address in found if kind == (_A if address.version == 4 else _AAAA)]
        counts = struct.pack("!HHHHH", 0x8180 | code, 1, len(wanted), 0, 0)
        rows = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, self.ttl_s, len(packed)) + packed for packed in wanted]
        return number + counts + question + b"".join(rows)


def _read_question(data: bytes) -> tuple[str, int, bytes]:
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels).lower(), int.from_bytes(data[at + 1 : at + 3]), data[12 : at + 5]
