"""What the journal has to say to `rules check`: numbers that are called, and that no rule is for."""

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.tier import SYNCED
from fallbackrouter.rulesfile.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fallbackrouter.cli.house import House
    from fallbackrouter.jobs.uncovered import Synced, Uncovered
    from fallbackrouter.rulesfile.compiled import RuleSpec

DAYS = 30
WITHIN_S = 3.0
"""So long the journal is read; what was not reached by then is not told."""
MAX_NAMED = 20


def uncovered_numbers(house: "House", specs: "Sequence[RuleSpec]") -> "list[Problem]":
    """Return a warning for each number that is called and that no rule is for.

    None where there is no journal, or it cannot be read now: others tell of that.
    """
    from fallbackrouter.clock import SystemClock, load_zone
    from fallbackrouter.jobs.uncovered import uncovered
    from fallbackrouter.numbering import Numbering
    from fallbackrouter.rulesfile.compiled import dump, load

    if not specs or not house.journal.exists():
        return []
    clock = SystemClock()
    now, end_s = clock.now_at(), clock.now_s() + WITHIN_S
    try:
        with ExitStack() as left_open:
            found = uncovered(
                load(dump(specs), load_zone),
                house.journal,
                since=now - timedelta(days=DAYS),
                now=now,
                read_number=Numbering(house.settings.numbers.region).read,
                synced=_synced(house, left_open),
                late=lambda: clock.now_s() > end_s,
            )
    except StoreError:
        return []
    return _warnings(str(house.rules_dir), found)


def _synced(house: "House", left_open: ExitStack) -> "Synced":
    from fallbackrouter.clock import load_zone
    from fallbackrouter.config.build import build_gate, default_zone
    from fallbackrouter.core.tier import DEFAULT_ORDER
    from fallbackrouter.store.routes import RoutesCopy

    orders = [policy.order for policy in house.settings.policy if not policy.did and policy.order is not None]
    if SYNCED not in (orders[-1] if orders else DEFAULT_ORDER) or not house.routes.exists():
        return lambda _call: False
    zone = default_zone(house.settings)
    copy = RoutesCopy.load(house.routes, gate=build_gate(house.settings), load_zone=load_zone, default_zone=zone)
    left_open.callback(copy.close)
    return lambda call: bool(copy.candidates(call.did, call.caller, call.stage))


def _warnings(where: str, found: "Sequence[Uncovered]") -> "list[Problem]":
    told = [_warning(where, one) for one in found[:MAX_NAMED]]
    if len(found) > MAX_NAMED:
        what = f"no rule is for {len(found) - MAX_NAMED:,} more numbers that were called in the last {DAYS} days"
        told.append(Problem(where, 1, 1, "warning", what, "see to those above first"))
    return told


def _warning(where: str, one: "Uncovered") -> "Problem":
    calls = "1 call" if one.calls == 1 else f"{one.calls:,} calls"
    last = f"{one.last_at:%Y-%m-%d %H:%M}Z"
    what = f"no rule is for {one.did!r}, which had {calls} in the last {DAYS} days, the last on {last}"
    return Problem(where, 1, 1, "warning", what, "write one: with the CRM away its calls get the last resort")
