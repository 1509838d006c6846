"""Which prompts leave a store that is full: the least recently used first, and never what a route names."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """One prompt of the store.

    Attributes:
        content: names its files, "" where there are none; several prompts may share them.
        size_bytes: of these files.
        used_ms: when it was last asked for.
    """

    key: str
    content: str
    size_bytes: int
    used_ms: int


def leavers(held: Iterable[Held], stays: Collection[str], max_bytes: int, max_count: int) -> tuple[str, ...] | None:
    """Return the keys that have to leave so that the rest keeps within the bounds.

    Args:
        stays: keys that no lack of room drives out.

    Returns:
        None where even all others' leaving is not enough.
    """
    kept = {one.key: one for one in held}
    uses = _uses(kept)
    size_bytes = sum({one.content: one.size_bytes for one in kept.values() if one.content}.values())
    gone: list[str] = []
    for one in sorted((one for one in kept.values() if one.key not in stays), key=lambda one: (one.used_ms, one.key)):
        crowded = len(kept) - len(gone) > max_count
        if size_bytes <= max_bytes and not crowded:
            break
        if not one.content and not crowded:
            continue  # it takes no room, and tells why it is not there
        gone.append(one.key)
        uses[one.content] -= 1
        if one.content and not uses[one.content]:
            size_bytes -= one.size_bytes
    enough = size_bytes <= max_bytes and len(kept) - len(gone) <= max_count
    return tuple(gone) if enough else None


def _uses(kept: Mapping[str, Held]) -> dict[str, int]:
    uses: dict[str, int] = {}
    for one in kept.values():
        uses[one.content] = uses.get(one.content, 0) + 1
    return uses
