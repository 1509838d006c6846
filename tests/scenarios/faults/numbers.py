"""Who knows which numbers: fifty known to each local tier alone, fifty known to nobody, and some for health checks.

Where the machine stands still they are ten each.
"""

from itertools import chain

from fallbackrouter.core.tier import FALLBACK, LAST_RESORT, LIVE, REMEMBERED, SYNCED
from tests.proof.machine import PACE

EACH = AT_ONCE = 50 if PACE == 1 else 10

Sources = dict[str, frozenset[str]]
"""Tier that knows a number -> the tiers that may answer for it."""

_PREFIXES = {REMEMBERED: "7495100", SYNCED: "7495200", FALLBACK: "7495300", LAST_RESORT: "7495400"}
HEALTHY = "7495900"
"""Numbers that nothing local knows, for calls that are made while nothing is wrong."""


def numbers_of(knower: str) -> list[str]:
    """Return the numbers that this tier knows."""
    return [f"{_PREFIXES[knower]}{number:04}" for number in range(EACH)]


ALL = list(chain.from_iterable(zip(*map(numbers_of, _PREFIXES), strict=True)))
"""All of them, the four kinds in turn."""


def knower_of(did: str) -> str:
    """Return who knows a number."""
    return next(knower for knower, prefix in _PREFIXES.items() if did.startswith(prefix))


LOCAL: Sources = {knower: frozenset({knower}) for knower in _PREFIXES}
"""What answers while the CRM gives nothing."""
FORGOTTEN: Sources = {**LOCAL, REMEMBERED: frozenset({LAST_RESORT})}
"""What answers where the CRM says that it knows no route: that ends what it said before."""
FROM_LIVE: Sources = {**dict.fromkeys(_PREFIXES, frozenset({LIVE})), REMEMBERED: frozenset({LIVE, REMEMBERED})}
"""What answers while the CRM is well; where an answer is remembered, calls do not wait for it as long."""
SOME_LIVE: Sources = {knower: frozenset({knower, LIVE}) for knower in _PREFIXES}
"""What answers while the CRM gives an answer now and then."""

RULES = f"""\
- name: known
  tier: fallback
  did: "_{_PREFIXES[FALLBACK]}XXXX"
  route: {{app: group, num: "{FALLBACK}"}}
"""


def feed() -> str:
    """Return the routes feed, a row a line."""
    row = '{{"id": "{did}", "did": "{did}", "result": {{"app": "group", "num": "' + SYNCED + '"}}}}\n'
    return "".join(row.format(did=did) for did in numbers_of(SYNCED))


NUM = {LIVE: "62", REMEMBERED: "62", SYNCED: SYNCED, FALLBACK: FALLBACK, LAST_RESORT: "100"}
"""What each tier's answers send calls to; the CRM's are those of tests.fakes.crm."""
REMEMBERED_NUMBERS = numbers_of(REMEMBERED)
