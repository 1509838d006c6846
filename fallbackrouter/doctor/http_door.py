"""The service's HTTP addresses: does the router answer there, or another program, or nobody?"""

import asyncio
import os
from collections.abc import Sequence

from fallbackrouter.doctor.finding import Finding, fail, ok, skip
from fallbackrouter.doctor.service import AGI
from fallbackrouter.entrance.allow import AllowList

ANSWER_S = 5.0
_REQUEST = b"HEAD /v1/ask HTTP/1.1\r\nHost: doctor\r\n\r\n"
_MAX_BYTES = 4_096
_OURS = (b"http/1.1 405 ", b"\r\nallow: post\r\n")
"""What the router says to a request that asks and tells nothing."""
_REMEDY = "start the service, and see that agi.http_listen is its address and no other program's"


async def knock(addresses: Sequence[str], allow: Sequence[str]) -> list[Finding]:
    """Knock at each address, side by side; none where nobody is to ask by HTTP.

    Args:
        addresses: "127.0.0.1:4580" or "[::1]:4580".
        allow: `agi.allow`.
    """
    admitted = AllowList(allow)
    return list(await asyncio.gather(*(_knock(address, admitted) for address in addresses)))


async def _knock(address: str, admitted: AllowList) -> Finding:
    try:
        async with asyncio.timeout(ANSWER_S):
            said, ours = await _said(address)
    except TimeoutError:
        return fail(AGI, f"{address} says nothing by HTTP within {ANSWER_S:g} s", _REMEDY)
    except OSError as error:
        why = "nothing listens there" if isinstance(error, ConnectionRefusedError) else os.strerror(error.errno or 0)
        return fail(AGI, f"{address}: {why.lower()}", _REMEDY)
    if not said and not admitted.admits(ours):
        return skip(AGI, f"{address} does not admit this machine (agi.allow), so it cannot be asked from here")
    if not all(part in said.lower() for part in _OURS):
        return fail(AGI, f"{address}: what listens there is not this router's HTTP", _REMEDY)
    return ok(AGI, f"{address} answered by HTTP")


async def _said(address: str) -> tuple[bytes, str]:
    """Return what was answered, at most its first bytes, and our own address."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    said = b""
    try:
        writer.write(_REQUEST)
        while len(said) < _MAX_BYTES and (data := await reader.read(_MAX_BYTES)):
            said += data
    except ConnectionError:
        pass  # a whole answer or none has come before
    finally:
        writer.transport.abort()
    return said, str(writer.get_extra_info("sockname", ("",))[0])
