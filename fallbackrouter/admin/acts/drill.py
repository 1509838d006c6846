"""Begin and end of a drill."""

from typing import Any

from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.house import House
from fallbackrouter.admin.visitor import Visitor

WITHIN_S = 10.0


async def begin(house: House, visitor: Visitor, fault: str, for_s: float, share: float) -> dict[str, Any]:
    """Begin a drill and return it, as the status tells of it.

    Raises:
        RefusedError: it cannot be, as another one is on.
        ControlError: the service does not answer.
    """
    async with audited(house, visitor, "drill begin", fault) as entry:
        order = {"do": "drill", "fault": fault, "for_s": for_s, "share": share}
        entry.after = began = await house.snapshot.command(order, WITHIN_S)
    return began


async def end(house: House, visitor: Visitor) -> dict[str, Any]:
    """End the drill that is on; `ended` is False where there was none. Raises as `begin` does."""
    async with audited(house, visitor, "drill end") as entry:
        entry.after = ended = await house.snapshot.command({"do": "drill_end"}, WITHIN_S)
    return ended
