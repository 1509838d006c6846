"""Files of prompts that have left: they lie on for a while, where there is room, as a call may soon play them."""

from collections.abc import Mapping

FAREWELL_MS = 600_000


class Farewells:
    """What has left and still lies in the folder."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[int, int]] = {}
        """content -> when it left, in ms, and its bytes"""

    def say(self, content: str, size_bytes: int, now_ms: int) -> None:
        """Note that a content has left; "" is none."""
        if content:
            self._left[content] = (now_ms, size_bytes)

    def take_due(self, kept: Mapping[str, int], max_bytes: int, now_ms: int, *, at_once: bool = False) -> list[str]:
        """Return, once, whose files have to go now: those of long ago, and the oldest that there is no room for.

        Args:
            kept: content -> bytes of all that is needed; what is among it has not left after all.
            at_once: all have to go.
        """
        for content in kept.keys() & self._left.keys():
            del self._left[content]
        total = sum(kept.values()) + sum(size for _, size in self._left.values())
        gone: list[str] = []
        for content, (left_ms, size) in sorted(self._left.items(), key=lambda one: one[1]):
            if at_once or total > max_bytes or left_ms + FAREWELL_MS <= now_ms:
                gone.append(content)
                total -= size
                del self._left[content]
        return gone
