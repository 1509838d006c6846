"""What a reply says: JSON for programs, or values for `Set(ARRAY(...)=${CURL(...)})`.

- The values stand in the order of the answer's variables, `FR_SOURCE` last, escaped as ARRAY reads them, without their
  names: the dialplan has those. An event sent to `/v1/ask` has its values at the places that they have in an answer.
- A refusal in that form is empty: words would become the first variable's value, and an empty FR_SOURCE is no answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fallbackrouter.agi.commands import array_text
from fallbackrouter.httproute.head import Refusal

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, ready to be spelled."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answer_reply(variables: Pairs, functions: Pairs, *, text: bool) -> Reply:
    """Return the reply to what was answered.

    Args:
        variables: name and value, in the ARRAY's order.
        functions: dialplan functions that the answer writes; JSON alone carries them.

    Raises:
        ValueError: a value that cannot be said.
    """
    if text:
        return _text(200, array_text([value for _, value in variables]))
    body: dict[str, object] = {"v": 1, **{name: value for name, value in variables if name != "v"}}
    if functions:
        body["functions"] = dict(functions)
    return _json(200, body)


def in_places(names: Sequence[str], given: Pairs) -> list[tuple[str, str]]:
    """Return values at the places that the names have; "" for those that are not given."""
    values = dict(given)
    return [(name, values.get(name, "")) for name in names]


def refusal_reply(refusal: Refusal) -> Reply:
    """Return the reply to what is refused."""
    reply = _text(refusal.status, "") if refusal.text else _json(refusal.status, {"v": 1, "error": refusal.sentence})
    if refusal.status == 405:  # noqa: PLR2004 - which has to name what is allowed
        return Reply(reply.status, (*reply.headers, ("Allow", "POST")), reply.body)
    return reply


def _text(status: int, text: str) -> Reply:
    return Reply(status, (("Content-Type", TEXT),), text.encode())


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(status, (("Content-Type", JSON),), msgspec.json.encode(body))
