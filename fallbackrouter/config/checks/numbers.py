"""Numbers: each inside its bounds, and the budgets inside one another."""

from collections.abc import Iterator
from operator import attrgetter

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.limits import LIMITS
from fallbackrouter.config.settings import Settings


def number_faults(settings: Settings) -> Faults:
    """Yield what is wrong with numbers."""
    yield from _out_of_bounds(settings)
    yield from _budget_faults(settings)


def _out_of_bounds(settings: Settings) -> Faults:
    for key, number, limit_key in _numbers(settings):
        limit = LIMITS[limit_key]
        if not limit.admits(number):
            yield Fault(key, f"is {number:g}", f"write a number, {limit.text}")


def _numbers(settings: Settings) -> Iterator[tuple[str, float, str]]:
    """Yield each number with its key and the key of its bounds."""
    for key in LIMITS:
        if not key.startswith("policy."):
            yield key, attrgetter(key)(settings), key
            continue
        name = key.removeprefix("policy.")
        for place, entry in enumerate(settings.policy, 1):
            number = getattr(entry, name)
            if number is not None:
                yield f"policy[{place}].{name}", number, key


def _budget_faults(settings: Settings) -> Faults:
    budget = settings.budget
    for name in ("live_ms", "journal_ms"):
        part = getattr(budget, name)
        if part > budget.call_ms:
            what = f"is {part:g}, more than budget.call_ms ({budget.call_ms:g}), which a call has for everything"
            yield Fault(f"budget.{name}", what, f"lower budget.{name}, or raise budget.call_ms")
