"""The whole file: its heading with a digest, and every context in the order in which one reads them."""

import hashlib
import re
from collections.abc import Iterator

from fallbackrouter.dialplan.ask import ask_contexts
from fallbackrouter.dialplan.freepbx import freepbx_contexts, freepbx_notes
from fallbackrouter.dialplan.plan import FREEPBX, Plan
from fallbackrouter.dialplan.spell import comment
from fallbackrouter.dialplan.static import Static
from fallbackrouter.dialplan.tell import tell_contexts

_DIGEST = re.compile(r"^; digest: ([0-9a-f]{64})$", re.MULTILINE)
_HEAD = """\
; Made by `fallbackrouter dialplan`. Do not edit: make it again, or `fallbackrouter dialplan --install`.
; It holds the rules of its day: make it again whenever they change (`dialplan.auto` does).
"""


def compose(plan: Plan) -> str:
    """Return the dialplan as the text of a file.

    Raises:
        TooLargeError: the rules are too many for a dialplan.
    """
    notes = freepbx_notes(plan) if plan.target == FREEPBX else _notes(plan)
    body = "\n".join(["".join(f"; {comment(note)}".rstrip() + "\n" for note in notes), *_contexts(plan)])
    return f"{_HEAD}; digest: {digest(body)}\n{body}"


def _contexts(plan: Plan) -> Iterator[str]:
    if plan.target == FREEPBX:
        yield from freepbx_contexts(plan)
    yield from ask_contexts(plan)
    yield from tell_contexts(plan)
    yield from Static(plan).contexts()


def _notes(plan: Plan) -> list[str]:
    return [
        "",
        "Include it from extensions.conf (`#include fallbackrouter.conf`) and use it so:",
        "  exten => _X.,1,Gosub(fallbackrouter-watch,s,1(${EXTEN}))",
        "   same => n,Gosub(fallbackrouter,s,1(${EXTEN},init))",
        "   same => n,Goto(${FR_DEST})" if plan.destinations else "   same => n,Goto(route-${app},${num},1)",
    ]


def digest(body: str) -> str:
    """Return what tells two dialplans apart: SHA-256 in hex."""
    return hashlib.sha256(body.encode()).hexdigest()


def digest_in(text: str) -> str:
    """Return the digest that a file's heading names, "" where it names none."""
    found = _DIGEST.search(text[:2_000])
    return found[1] if found else ""


def is_untouched(text: str) -> bool:
    """Tell whether a file is as it was made: its heading names the digest of what stands below."""
    found = _DIGEST.search(text[:2_000])
    return found is not None and digest(text[found.end() + 1 :]) == found[1]
