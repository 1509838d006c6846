"""What is known of the call that asks."""

import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from fallbackrouter.core.numbers import WITHHELD, Number

STAGE = re.compile(r"[a-z0-9_]{1,32}")
INIT = "init"
MAX_TEXT_CHARS = 256
"""The most that is kept of an id, a line, a context, a channel."""
MAX_EXTRA = 32
"""The most key=value pairs that a question or an event carries."""
MAX_EXTRA_CHARS = 1024
"""The most characters of one such value (a recording's path, say)."""

ReadNumber = Callable[[str], Number]
"""Text from outside -> Number, with the configured region."""


class Call(Struct, frozen=True):
    """A call, as its question or event described it.

    Attributes:
        did: the dialled number.
        caller: who calls; `withheld` where unknown.
        call_id: Asterisk's uniqueid, "" where absent.
        linked_id: the uniqueid of the call that this channel belongs to, "" where absent.
        stage: `[a-z0-9_]{1,32}`; "init" first of all.
        line: what the old scripts call the line; "" where absent.
        context: the dialplan context, "" where absent.
        channel: the channel's name, "" where absent.
        extra: further facts, in the order they came (short, link, billsec, ...).
        test: a question of our own, which counts in no statistics.
        notes: what was changed or left out while reading, in plain words.
    """

    did: Number
    caller: Number = WITHHELD
    call_id: str = ""
    linked_id: str = ""
    stage: str = INIT
    line: str = ""
    context: str = ""
    channel: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    test: bool = False
    notes: tuple[str, ...] = ()

    def noted(self, note: str) -> "Call":
        """Return the same call with one more note."""
        return replace(self, notes=(*self.notes, note))

    def fact(self, key: str) -> str:
        """Return a value of `extra`, or "" where it is absent."""
        return next((value for name, value in self.extra if name == key), "")


def is_stage(text: str) -> bool:
    """Tell whether a text may be a stage."""
    return STAGE.fullmatch(text) is not None
