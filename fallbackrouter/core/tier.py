"""The six places that an answer can come from, in their default order."""

OVERRIDE = "override"
LIVE = "live"
REMEMBERED = "remembered"
SYNCED = "synced"
FALLBACK = "fallback"
LAST_RESORT = "last_resort"

DEFAULT_ORDER = (OVERRIDE, LIVE, REMEMBERED, SYNCED, FALLBACK, LAST_RESORT)
