"""A moment as people write it in a rules file."""

import re
from datetime import UTC, datetime, tzinfo

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?")


def read_moment(text: str, zone: tzinfo | None) -> datetime | None:
    """Return a moment in UTC, None where the text is none.

    Args:
        text: ISO 8601 with a date and a time; a date alone leaves open which end of the day is meant.
        zone: where the clock hangs that a text without an offset was read from; None: UTC.
    """
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone or UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
