"""How processes of ours talk to each other: one JSON object a line. A value machine: bytes in, messages out.

Its rules: a line is bounded; what is no JSON object ends the conversation; a half line at the end is nobody's.
"""

import json
from typing import Any

from fallbackrouter.core.errors import ControlError

MAX_LINE_BYTES = 65_536
"""The most that one line of the control socket may take, newline included."""

Message = dict[str, Any]
"""What one line says; its values are JSON's."""


def encode(message: Message, limit_bytes: int = MAX_LINE_BYTES) -> bytes:
    """Spell a message as one line.

    Raises:
        ControlError: it is longer than `limit_bytes`.
    """
    line = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    if len(line) > limit_bytes:
        raise ControlError(f"a message of {len(line)} bytes is longer than the {limit_bytes} that a line may take")
    return line


def decode(line: bytes) -> Message:
    """Read one line.

    Raises:
        ControlError: it is no JSON object.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise ControlError("a line on the control socket is not JSON") from None
    if not isinstance(message, dict):
        raise ControlError("a line on the control socket is not a JSON object")
    return message


class LineReader:
    """Turns bytes, cut anywhere, into messages.

    Args:
        limit_bytes: the most that one line may take, newline included.
    """

    def __init__(self, limit_bytes: int = MAX_LINE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held = b""

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes and return the messages that they complete.

        Raises:
            ControlError: a line is too long or no JSON object; nothing more can be read from this peer.
        """
        *lines, self._held = (self._held + data).split(b"\n")
        if len(self._held) >= self._limit_bytes or any(len(line) >= self._limit_bytes for line in lines):
            raise ControlError(f"a line on the control socket is longer than {self._limit_bytes} bytes")
        return [decode(line) for line in lines if line.strip()]
