"""`Retry-After`: how long the CRM asks to wait.

Source: RFC 9110, section 10.2.3.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx2

_MAX_DIGITS = 12


def retry_after_s(headers: httpx2.Headers) -> float | None:
    """Return the seconds, None where the CRM does not say; a date is read by the CRM's own clock, its `Date`."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MAX_DIGITS])
    until, now = _moment(text), _moment(headers.get("date", ""))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else None
