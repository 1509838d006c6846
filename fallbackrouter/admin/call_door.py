"""Where calls are asked for by HTTP, whatever the form: each with its entry in the audit log, refused ones too.

The audit log is kept for longer than numbers may be, so it has them in part.
"""

from collections.abc import Mapping
from contextlib import suppress

from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.house import House
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.outcall import OutCall
from fallbackrouter.core.route import printable
from fallbackrouter.office.calls import CallDesk, CallRefusedError
from fallbackrouter.store.calls import OtherCallError, TooManyError
from fallbackrouter.store.masking import without_numbers

MAKE = "call make"
NONE = "no calls are made here: fill calls.contexts and calls.channels, and set ami.user (docs/calls.md)"
NUDGE_S = 2.0
TOO_MANY = 429
_STATUSES: dict[type[FallbackrouterError], int] = {CallRefusedError: 403, OtherCallError: 409, TooManyError: TOO_MANY}


async def ask_for_call(house: House, visitor: Visitor, fields: Mapping[str, object]) -> tuple[OutCall, bool]:
    """Take a call, and have it made; see `CallDesk.ask`.

    Raises:
        Problem: it is not taken.
        StoreError: the journal or the audit log cannot be used.
    """
    desk = desk_of(house)
    async with audited(house, visitor, MAKE, without_numbers(printable(str(fields.get("id", "")), 80))) as entry:
        entry.spell = without_numbers
        call, new = await _taken(house, desk, visitor.name, fields)
        entry.after = {"call": call.out_id, "new": new}
    if new:
        with suppress(FallbackrouterError):  # it is seen within half a second all the same
            await house.snapshot.command({"do": "call"}, NUDGE_S)
    return call, new


async def _taken(house: House, desk: CallDesk, owner: str, fields: Mapping[str, object]) -> tuple[OutCall, bool]:
    try:
        return await house.calling.run(desk.ask, owner, fields)
    except FallbackrouterError as error:
        status = _STATUSES.get(type(error))
        if status is None:
            raise
        raise Problem(status, str(error), {"Retry-After": "10"} if status == TOO_MANY else None) from None


async def keep_refusal(house: House, visitor: Visitor, action: str, why: str) -> None:
    """Keep in the audit log that somebody was refused; raises StoreError where it cannot be kept."""
    refusal = Problem(403, why)
    try:
        async with audited(house, visitor, action) as entry:
            entry.spell = without_numbers
            raise refusal
    except Problem as raised:
        if raised is not refusal:
            raise


def desk_of(house: House) -> CallDesk:
    """Return where calls are asked for.

    Raises:
        Problem: none are made here.
    """
    if house.calls is None:
        raise Problem(404, NONE)
    return house.calls
