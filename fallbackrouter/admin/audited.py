"""Changes, each with its entry in the audit log: no entry, no change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from fallbackrouter.admin.house import House
from fallbackrouter.admin.visitor import Visitor
from fallbackrouter.store.audit import begin_entry, end_entry

DONE = "done"


class Entry:
    """What is to be kept of a change: fill in what was there before and after; texts as they are, values as JSON."""

    def __init__(self) -> None:
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
    entry, entry_id = Entry(), house.clock.new_id()
    file = house.accounts.file
    at = house.clock.now_at()
    await house.quick.run(begin_entry, file, entry_id, visitor.name, at, action=action, target=target)
    outcome = "given up: it took too long"
    try:
        yield entry
        outcome = DONE
    except Exception as error:
        outcome = f"refused: {error}"
        raise
    finally:
        # In the background of a request that was given up too: the thread ends what it was given.
        house.quick.begin(end_entry, file, entry_id, outcome, _text(entry.before), _text(entry.after))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
