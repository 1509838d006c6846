"""`POST sync`: the CRM says "pull now", and proves by a signature that it is the CRM; or a token's owner does.

Its rules:

- the signature is HMAC-SHA256 over the timestamp, a dot, and the body, by the secret of `admin.sync_secret_file`;
- the timestamp is at most `MAX_AGE_S` from now, and no signature counts twice: what was overheard is worth nothing;
- a sync that is asked for twice is one sync.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fallbackrouter.admin.api.operation import Fields, json_response
from fallbackrouter.admin.api.service import SYNC_S
from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.body import read_body
from fallbackrouter.admin.guard import guarded
from fallbackrouter.admin.house import House
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import OPERATE, Visitor

SIGNATURE = "fallbackrouter-signature"
TIMESTAMP = "fallbackrouter-timestamp"
MAX_AGE_S = 300
MAX_BYTES = 4096
MAX_SEEN = 10_000
CRM = Visitor("crm", frozenset({OPERATE}))


class SyncBody(Fields, frozen=True):
    """All routes, instead of what has changed."""

    full: Annotated[bool, msgspec.Meta(description="all routes, instead of what has changed")] = False


class Signatures:
    """Knows a signature of the CRM's, and that it has not been used.

    Args:
        secret: "" where none is configured: no signature is right then.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._seen: OrderedDict[str, int] = OrderedDict()

    def take(self, given: str, timestamp: str, body: bytes, now_s: int) -> bool:
        """Tell whether a signature is right and fresh, and use it up.

        Args:
            now_s: seconds since 1970.
        """
        if not self._secret or not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):  # noqa: PLR2004 - enough for ages
            return False
        if abs(now_s - int(timestamp)) > MAX_AGE_S:
            return False
        wanted = sign(self._secret, timestamp, body)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()) or wanted in self._seen:
            return False
        self._seen[wanted] = int(timestamp)
        self._forget(now_s)
        return True

    def _forget(self, now_s: int) -> None:
        old = [one for one, at_s in self._seen.items() if now_s - at_s > MAX_AGE_S]
        for one in old:
            del self._seen[one]
        while len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of a request."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def sync_handler(house: House) -> Callable[[Request], Awaitable[Response]]:
    """Answer `POST /api/v1/sync`."""
    signatures = Signatures(house.sync_secret)

    async def handle(request: Request) -> Response:
        body = await read_body(request, MAX_BYTES)
        try:
            full = msgspec.json.decode(body, type=SyncBody).full if body else False
        except msgspec.ValidationError as error:
            raise Problem(422, f"the body cannot be used: {error}") from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise Problem(400, "the body is not JSON") from None
        visitor = request.scope["state"]["visitor"]
        async with audited(house, visitor, "sync", "full" if full else ""):
            await house.snapshot.command({"do": "sync", "full": full}, SYNC_S)
        return json_response({"wanted": True}, 202)

    with_scope = guarded(OPERATE, handle)

    async def admit(request: Request) -> Response:
        state = request.scope["state"]
        if state["visitor"] is None:
            body = await read_body(request, MAX_BYTES)
            now_s = int(house.clock.now_at().timestamp())
            given, timestamp = (request.headers.get(name, "") for name in (SIGNATURE, TIMESTAMP))
            if not signatures.take(given, timestamp, body, now_s):
                challenge = {"WWW-Authenticate": 'Bearer realm="fallbackrouter"'}
                raise Problem(401, "log in, or send an API token as Authorization: Bearer", challenge)
            state["visitor"] = CRM
        return await with_scope(request)

    return admit
