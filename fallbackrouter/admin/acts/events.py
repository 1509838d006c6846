"""Retry and drop of events."""

from typing import Any

from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.house import House
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.core.errors import ControlError
from fallbackrouter.store.event_changes import Change, Chosen, change_chosen, drop_events, retry_events

_NAMED = 20
"""So many events are named in the audit log's target; all of them are in what was before."""


async def retry(house: House, visitor: Visitor, chosen: Chosen) -> tuple[int, str]:
    """Have events tried again; return how many, and what they wait for where they are not sent yet.

    Raises:
        MissingError: one of the ids is none.
        StoreError: the journal cannot be used.
    """
    changed = await _change(house, visitor, "events retry", chosen, retry_events)
    return changed, await _deliver(house) if changed else ""


async def drop(house: House, visitor: Visitor, chosen: Chosen) -> int:
    """Give up events for good and return how many; raises as `retry` does."""
    return await _change(house, visitor, "events drop", chosen, drop_events)


async def _change(house: House, visitor: Visitor, action: str, chosen: Chosen, change: Change) -> int:
    before: dict[str, Any] = {"event_ids": chosen.event_ids, "states": chosen.states, "call": chosen.call}
    named = (*chosen.event_ids[:_NAMED], chosen.call) if chosen.event_ids or chosen.call else chosen.states
    async with audited(house, visitor, action, ", ".join(filter(None, named))) as entry:
        entry.before = before
        changed = await house.quick.run(change_chosen, house.office.journal, chosen, change, house.clock.now_at())
        entry.after = {"changed": changed}
    return changed


async def _deliver(house: House) -> str:
    """Have what is due sent at once, and return what it waits for."""
    try:
        return str((await house.snapshot.command({"do": "deliver"})).get("waits") or "")
    except ControlError as error:
        return str(error)
