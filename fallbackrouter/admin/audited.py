"""Changes, each with its entry in the audit log: no entry, no change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from fallbackrouter.admin.house import House
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.core.errors import StoreError
from fallbackrouter.log import get_log
from fallbackrouter.store.audit import begin_entry, end_entry

DONE = "done"


class Entry:
    """What is to be kept of a change: fill in what was there before and after; texts as they are, values as JSON.

    Attributes:
        spell: how the outcome is written down.
    """

    def __init__(self) -> None:
        self.spell: Callable[[str], str] = str
        self.before: Any = ""
        self.after: Any = ""


@asynccontextmanager
async def audited(house: House, visitor: Visitor, action: str, target: str = "") -> AsyncIterator[Entry]:
    """Keep that a change begins, and how it went.

    Args:
        action: such as `rules apply`.
        target: what it is done to.

    Raises:
        StoreError: it cannot be kept; nothing was changed.
    """
    entry, entry_id, at = Entry(), house.clock.new_id(), house.clock.now_at()
    file = house.accounts.file
    await house.quick.run(begin_entry, file, entry_id, visitor.name, at, action=action, target=target)
    outcome = "given up: it took too long"
    try:
        yield entry
        outcome = DONE
    except Exception as error:
        outcome = f"refused: {error}"
        raise
    finally:
        await _end(house, entry_id, outcome, entry)


async def _end(house: House, entry_id: str, outcome: str, entry: Entry) -> None:
    """Add how a change went; where that cannot be kept, the log has to do, as the change is what it is."""
    told = (entry.spell(outcome), _text(entry.before), _text(entry.after))
    try:
        await asyncio.wrap_future(house.quick.begin(end_entry, house.accounts.file, entry_id, *told))
    except StoreError as error:
        get_log("admin").error("the audit log cannot be written", entry=entry_id, outcome=outcome, reason=str(error))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
