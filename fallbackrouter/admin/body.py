"""A request's body, within bounds of size and time."""

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from fallbackrouter.admin.problem import Problem

MAX_BYTES = 2 * 1024 * 1024
"""As much as a rule file may have, and its quoting."""
WITHIN_S = 15.0
MAX_FIELDS = 200


async def read_body(request: Request, limit_bytes: int = MAX_BYTES) -> bytes:
    """Return the body.

    Raises:
        Problem: it is too long, comes too slowly, or the peer went away.
    """
    if hasattr(request.state, "body"):
        kept: bytes = request.state.body
        return kept
    told = request.headers.get("content-length", "0")
    if not told.isdecimal() or int(told) > limit_bytes:
        raise _too_long(limit_bytes)
    parts, size = [], 0
    try:
        async with asyncio.timeout(WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > limit_bytes:
                    raise _too_long(limit_bytes)
                parts.append(part)
    except TimeoutError:
        raise Problem(408, f"the request's body did not come within {WITHIN_S:g} s", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "the request's body is not whole", {"Connection": "close"}) from None
    request.state.body = b"".join(parts)
    return b"".join(parts)


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of an HTML form; of a field that comes twice the last counts; raises as `read_body` does."""
    if not is_form(request):
        raise Problem(415, "send the form as application/x-www-form-urlencoded")
    body = await read_body(request)
    try:
        text = body.decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:
        raise Problem(400, "the form cannot be read") from None


def is_form(request: Request) -> bool:
    """Tell whether the body is an HTML form's."""
    return kind_of(request) == "application/x-www-form-urlencoded"


def kind_of(request: Request) -> str:
    """Return the body's media type in small letters, without parameters; "" for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_long(limit_bytes: int) -> Problem:
    return Problem(413, f"the request's body is longer than {limit_bytes:,} bytes", {"Connection": "close"})
