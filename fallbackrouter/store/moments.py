"""How moments stand in our databases: whole milliseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Return a moment (aware) in ms since 1970; what is finer than that is cut off."""
    return (at - _EPOCH) // _MS


def from_ms(at_ms: int) -> datetime:
    """Return the moment, UTC and aware."""
    return _EPOCH + at_ms * _MS


def iso(at_ms: int) -> str:
    """Return the moment as people and programs read it: `2026-03-02T10:00:00.123Z`."""
    return from_ms(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
