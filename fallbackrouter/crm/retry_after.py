"""`Retry-After`: how long the CRM asks to wait.

Source: RFC 9110, section 10.2.3.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

_MAX_SECONDS_CHARS = 12


def retry_after_s(headers: httpx2.Headers, now_at: datetime) -> float | None:
    """Return the seconds, None where the CRM does not say.

    Args:
        now_at: UTC; a date is read by the CRM's own clock, its `Date`, and by this only where it tells none.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MAX_SECONDS_CHARS])
    until = _moment(text)
    if until is None:
        return None
    return max(0.0, (until - (_moment(headers.get("date", "")) or now_at)).total_seconds())


def _moment(text: str) -> datetime | None:
    """Return the moment that an HTTP date names, None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
