"""`[[policy]]`: orders that can be walked, and numbers that can be matched."""

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import PolicyEntry, Settings
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.policy import MAX_POLICIES
from fallbackrouter.core.route import printable
from fallbackrouter.core.selector import Selector, SelectorError
from fallbackrouter.core.tier import DEFAULT_ORDER, LAST_RESORT

MAX_DIDS = 1_000


def policy_faults(settings: Settings) -> Faults:
    """Yield what is wrong with policies."""
    if len(settings.policy) > MAX_POLICIES:
        yield Fault("policy", f"has {len(settings.policy)} entries", f"use at most {MAX_POLICIES}, each with more dids")
        return
    for place, entry in enumerate(settings.policy, 1):
        key = f"policy[{place}]"
        yield from _did_faults(key, entry)
        if entry.order is not None:
            yield from _order_faults(f"{key}.order", entry.order)
        call_ms = settings.budget.call_ms if entry.call_ms is None else entry.call_ms
        if entry.live_ms is not None and entry.live_ms > call_ms:
            what = f"is {entry.live_ms:g}, more than the {call_ms:g} that such a call has for everything"
            yield Fault(f"{key}.live_ms", what, "lower it, or raise call_ms beside it")


def _did_faults(key: str, entry: PolicyEntry) -> Faults:
    texts = [entry.did] if isinstance(entry.did, str) else entry.did
    if not 1 <= len(texts) <= MAX_DIDS:
        yield Fault(f"{key}.did", f"has {len(texts)} entries", f"write 1 to {MAX_DIDS}, or leave did out for all calls")
        return
    for place, text in enumerate(texts, 1):
        name = f"{key}.did" if isinstance(entry.did, str) else f"{key}.did[{place}]"
        selector = Selector(_as_it_comes)
        try:
            if text:
                selector.add(text)
            elif entry.did:
                yield Fault(name, "is empty", "take it out")
        except SelectorError as error:
            yield Fault(name, f"cannot be used: {error}", error.remedy)
        if selector.withheld:
            yield Fault(name, "is withheld, which a did never is", "write a number, a pattern or any")


def _as_it_comes(text: str) -> Number:
    return read_number(text, None)


def _order_faults(key: str, order: list[str]) -> Faults:
    if not order:
        yield Fault(key, "is empty", f'write ["{LAST_RESORT}"] for calls that take the last resort at once')
    for place, tier in enumerate(order, 1):
        name = f"{key}[{place}]"
        if tier not in DEFAULT_ORDER:
            what = f'is "{printable(tier)}", which is no tier'
            yield Fault(name, what, write_instead(tier, DEFAULT_ORDER))
        elif tier in order[: place - 1]:
            yield Fault(name, f"is {tier} for the second time", "take one out")
        elif tier == LAST_RESORT and place < len(order):
            yield Fault(name, "is last_resort, behind which nothing is ever asked", "move it to the end")
