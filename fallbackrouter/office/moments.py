"""How people write moments and lengths of time."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from fallbackrouter.core.errors import FallbackrouterError

_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s)?", re.ASCII)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def read_past(option: str, text: str, zone: tzinfo, now: datetime) -> datetime | None:
    """Read a moment: `2026-11-23`, `2026-11-23T10:00` (local time unless it has an offset), or so long ago: `2h`.

    Returns:
        UTC; None for "".

    Raises:
        FallbackrouterError: no such moment.
    """
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - int(ago[1]) * _UNITS[ago[2]]
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FallbackrouterError(
            f"{option} {text!r} is no moment; write 2026-11-23, 2026-11-23T10:00, or how long ago: 30m, 2h, 7d"
        ) from None


def read_ms(option: str, text: str) -> float | None:
    """Read a length of time, `200ms` or `1.5s`; a number alone is milliseconds, "" is None.

    Raises:
        FallbackrouterError: no such length.
    """
    if not text:
        return None
    found = _LENGTH.fullmatch(text)
    if not found:
        raise FallbackrouterError(f"{option} {text!r} is no length of time; write 200ms or 1.5s")
    return float(found[1]) * (1000 if found[2] == "s" else 1)
