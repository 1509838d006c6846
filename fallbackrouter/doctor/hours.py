"""This machine's clock and time zone: rules go by both, and so do certificates."""

import asyncio
import os
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from fallbackrouter.clock import LOCALTIME, Clock
from fallbackrouter.crm.inspect import WayError, told_time
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.doctor.finding import Finding, ok, skip, warn

NAME = "clock"
ANSWER_S = 8.0
APART = timedelta(seconds=30)
"""Further apart than this, a window of a rule would open visibly early or late."""


async def compare_clocks(
    url: str, token: str, resolver: Resolver, context: ssl.SSLContext | None, clock: Clock
) -> Finding:
    """Compare this machine's clock with the CRM's, by the Date header of an answer.

    Raises:
        ConfigError: the URL or the token cannot be used.
    """
    try:
        async with asyncio.timeout(ANSWER_S):
            told_at = await told_time(url, token, resolver, context)
    except (WayError, TimeoutError):
        told_at = None
    if told_at is None:
        return skip(NAME, "the CRM does not tell its time, so there is nothing to compare with")
    apart = clock.now_at() - told_at
    if abs(apart) > APART:
        where = "ahead of" if apart > timedelta() else "behind"
        what = f"this machine's clock is {abs(apart.total_seconds()):,.0f} s {where} the CRM's"
        return warn(NAME, what, "synchronise it (`timedatectl set-ntp true`), or have the CRM's synchronised")
    return ok(NAME, "this machine's clock and the CRM's agree")


def check_zone(timezone: str, places: Sequence[Path] = (Path(LOCALTIME),)) -> Finding:
    """Tell whether it is known in which zone rules that name none are meant.

    Args:
        timezone: `rules.timezone`, which was checked; "" for the machine's.
        places: where the machine's zone is set.
    """
    if timezone:
        return ok(NAME, f"rules that name no time zone mean {timezone}")
    if os.environ.get("TZ") or any(place.exists() for place in places):
        return ok(NAME, "rules that name no time zone mean this machine's")
    what = "this machine has no time zone, so the hours in rules are those of UTC"
    return warn(NAME, what, "set rules.timezone, or the machine's zone (`timedatectl set-timezone Europe/Moscow`)")
