"""The audit log: who changed what by the web interface or a command, from what to what. See `admin_file`.

Its rules: an entry is written before its change, so that no change goes without one; how the change went is added
behind it; entries are never changed otherwise, and the oldest go once there are `MAX_ENTRIES`.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.store.admin_file import admin_file
from fallbackrouter.store.moments import iso, to_ms

MAX_ENTRIES = 50_000
MAX_CHARS = 262_144
"""The most that is kept of what was there before, and after."""
BEGUN = "begun"

Json = dict[str, Any]


def begin_entry(path: Path, entry_id: str, who: str, at: datetime, *, action: str, target: str) -> None:
    """Write that a change begins; raises StoreError where it cannot be written."""
    with admin_file(path) as connection:
        row = (entry_id, to_ms(at), who, action, target[:1000], "", "", BEGUN)
        connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def end_entry(path: Path, entry_id: str, outcome: str, before: str = "", after: str = "") -> None:
    """Add how a change went, what was there before, and what after."""
    with admin_file(path) as connection:
        change = "UPDATE audit SET outcome = ?, before = ?, after = ? WHERE id = ?"
        connection.execute(change, (outcome[:1000], _cut(before), _cut(after), entry_id))


def list_entries(path: Path, limit: int, before_id: str = "") -> list[Json]:
    """Return entries, newest first; none where there is no file yet.

    Args:
        before_id: only those that are older than this one; "": from the newest on.
    """
    if not path.exists():
        return []
    query = "SELECT * FROM audit WHERE ? = '' OR id < ? ORDER BY id DESC LIMIT ?"
    with admin_file(path) as connection:
        rows = connection.execute(query, (before_id, before_id, limit)).fetchall()
    return [_as_json(row) for row in rows]


def forget_entries(path: Path) -> int:
    """Take out the oldest of too many entries, and return how many."""
    with admin_file(path) as connection:
        oldest = "SELECT id FROM audit ORDER BY id DESC LIMIT -1 OFFSET ?"
        return connection.execute(f"DELETE FROM audit WHERE id IN ({oldest})", (MAX_ENTRIES,)).rowcount  # noqa: S608 - our own


_NAMES = ("id", "at", "who", "action", "target", "before", "after", "outcome")


def _as_json(row: tuple[Any, ...]) -> Json:
    entry = dict(zip(_NAMES, row, strict=True))
    return {"v": 1, **entry, "at": iso(entry["at"])}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}\n… {len(text) - MAX_CHARS} characters more"
