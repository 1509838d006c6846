"""The end of a call of the CRM's that still waits."""

from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.call_door import desk_of
from fallbackrouter.admin.house import House
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.core.outcall import OutCall
from fallbackrouter.core.route import printable
from fallbackrouter.store.calls import NotWaitingError

WHY = "it was cancelled in the console"


async def cancel(house: House, visitor: Visitor, out_id: str) -> OutCall:
    """Have a call that waits not be made, and return it.

    Raises:
        Problem: no calls are made here, or it waits no more.
        MissingError: there is no such call.
        StoreError: the journal or the audit log cannot be used; nothing was changed.
    """
    queue = desk_of(house).queue
    async with audited(house, visitor, "call cancel", printable(out_id, 80)) as entry:
        try:
            call = await house.calling.run(queue.cancel, out_id, house.clock.now_at(), WHY)
        except NotWaitingError as error:
            raise Problem(409, str(error)) from None
        entry.after = {"call": call.out_id, "state": str(call.state)}
    return call
