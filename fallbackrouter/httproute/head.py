"""What a request's first lines ask for, or why it is refused; every refusal says what to send instead.

- Only forms are read, at two paths, by POST. A browser's page may not ask: whatever names an `Origin` is refused, or
  any page that somebody on this machine opens could report events.
- The answer is JSON; values for `ARRAY` with `Accept: text/plain`, or with `?format=text` where no header can be set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fallbackrouter.core.route import printable

PATHS = {b"/v1/ask": "ask", b"/v1/event": "event"}
FORM = "application/x-www-form-urlencoded"
_QUERIES = {b"": None, b"format=text": True, b"format=json": False}


@dataclass(frozen=True, slots=True)
class Head:
    """What is asked.

    Attributes:
        path: "ask" or "event".
        text: the answer is wanted as values for ARRAY, not as JSON.
    """

    path: str
    text: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request gets no answer.

    Attributes:
        status: HTTP's number for it.
        sentence: what is wrong and what to do.
        text: the peer wanted values for ARRAY: then it gets none, as words would be taken for them.
    """

    status: int
    sentence: str
    text: bool = False


FAR_TOO_BIG = Refusal(413, "the request is too large; send at most 16,384 bytes of fields")


def read_head(
    method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]], max_body_bytes: int
) -> Head | Refusal:
    """Read a request's head.

    Args:
        headers: names in lower case, as h11 gives them.
        max_body_bytes: a body that says that it is larger is refused unread.
    """
    path, _, query = target.partition(b"?")
    wanted = _QUERIES.get(query)
    text = _wants_text(headers) if wanted is None else wanted
    refusal = next(_faults(method, path, query, headers, max_body_bytes), None)
    if refusal is not None:
        return Refusal(*refusal, text=text)
    return Head(PATHS[path], text)


def _faults(
    method: bytes, path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], max_body_bytes: int
) -> Iterator[tuple[int, str]]:
    """Yield what is wrong, the worst first."""
    if path not in PATHS:
        yield 404, f"there is no {_said(path)}; POST a form to /v1/ask or /v1/event"
    if method != b"POST":
        yield 405, f"{_said(method)} asks nothing here; POST a form"
    if query not in _QUERIES:
        yield 400, "the only query is ?format=text or ?format=json; send the fields in the body"
    if _all(headers, b"origin"):
        yield 403, "a browser's page may not ask; ask from a program"
    kind = (_all(headers, b"content-type") or [FORM])[-1].partition(";")[0].strip().lower()
    if kind != FORM or _all(headers, b"content-encoding"):
        yield 415, f"the body is not taken as {printable(kind, 60)}; send it as {FORM}, not compressed"
    if any(value.lower() != "100-continue" for value in _all(headers, b"expect")):
        yield 417, "nothing but 100-continue can be expected here; leave the Expect header out"
    length = (_all(headers, b"content-length") or ["0"])[-1]
    if len(length) > len(str(max_body_bytes)) or int(length) > max_body_bytes:
        yield FAR_TOO_BIG.status, FAR_TOO_BIG.sentence


def _wants_text(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tell whether text is accepted and JSON is not named; weights are not looked at."""
    kinds = {part.partition(";")[0].strip().lower() for value in _all(headers, b"accept") for part in value.split(",")}
    return "text/plain" in kinds and "application/json" not in kinds


def _all(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]


def _said(word: bytes) -> str:
    return printable(word.decode("latin-1"), 40)
