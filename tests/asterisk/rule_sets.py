"""Random rule sets, with calls that are worth asking about: most meet a rule, and every kind of condition decides some.

An Asterisk knows only the present, so windows, dates and validities lie around now, in zones all over the world.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.dates import NO_DATES, DateSet, parse_dates
from fallbackrouter.core.pattern import parse_pattern
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import ANYONE, Condition, Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.core.tier import FALLBACK, OVERRIDE

CALLS_A_SET = 20
ZONES = ("UTC", "Europe/Moscow", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Honolulu")
STAGES = ("init", "busy", "night_2", "01", "1")
DIDS = ("74951111111", "74951111112", "74992223344", "78005553535", "100", "101", "*72#", "lobby", "Lobby", "sip.a-b")
CALLERS = ("79501234567", "79501234568", "79161112233", "4930123456", "1001", "anna", "x-ray")
WITHHELD = ("", "anonymous", "<unknown>", "Private")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORTEST_MONTH = 28
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LAST_RESORT = Route((("app", "group"), ("num", "100")))
FALLBACK_ONLY = Policy(order=(FALLBACK,))
BACKWARDS = Policy(order=(FALLBACK, OVERRIDE))


@dataclass(frozen=True)
class RuleSet:
    """Rules, policies, and calls with their did and caller as they arrive."""

    rules: tuple[Rule, ...]
    policies: Policies
    calls: tuple[tuple[str, str, str], ...]


def _number(rng: random.Random, pool: tuple[str, ...]) -> str:
    """Return a number of the pool, often spelled otherwise, sometimes one that nobody knows."""
    text = rng.choice(pool)
    kind = rng.random()
    if kind < 0.12 and text.isdigit():
        return f"+{text}"
    if kind < 0.22 and len(text) > 9:
        return f"{text[:1]} ({text[1:4]}) {text[4:7]}-{text[7:9]}.{text[9:]}"
    if kind < 0.30 and len(text) == 11:
        return rng.choice(("8", "", "8107", "+7", "+7 (8) ")) + text[1:]
    if kind < 0.38:
        return text[:-1] + rng.choice("0123456789#*x")
    if kind < 0.41:
        return text + rng.choice((",1", ";x", "&", " é", "${EPOCH}", "0000"))
    return text


def _pattern(rng: random.Random, pool: tuple[str, ...]) -> str:
    text = rng.choice([number for number in pool if number.isdigit()])
    keep = rng.randrange(1, len(text) + 1)
    fixed = "".join(rng.choice((char, char, char, "X", f"[{char}-9]", f"[0-{char}]")) for char in text[:keep])
    tail = rng.choice((".", "!", "X" * (len(text) - keep), "X" * (len(text) - keep)))
    return "_" + rng.choice(("", "", "", "+")) + (fixed + tail)


def _condition(rng: random.Random, pool: tuple[str, ...], read: ReadNumber, *, any_share: float) -> Condition:
    if rng.random() < any_share:
        return ANYONE
    exact = frozenset(read(rng.choice(pool)).key for _ in range(rng.choice((0, 1, 1, 3))))
    patterns = {text: parse_pattern(text) for text in (_pattern(rng, pool) for _ in range(rng.choice((0, 1, 1, 2))))}
    withheld = pool is CALLERS and rng.random() < 0.3
    if not (exact or patterns or withheld):
        return ANYONE
    return Condition(exact=exact, patterns=tuple(patterns.values()), withheld=withheld)


def _window(rng: random.Random, local: datetime) -> str:
    """Return a window around a moment, or shortly beside it."""
    start = local + timedelta(minutes=rng.randrange(-300, 120))
    end = start + timedelta(minutes=rng.randrange(30, 500))
    times = rng.choice((f"{start:%H:%M}-{end:%H:%M}", f"{start:%H:%M}-{end:%H:%M}", "*", ""))
    today = local.weekday()
    days = rng.choice(("*", WEEKDAYS[today], f"{WEEKDAYS[today - 2]}-{WEEKDAYS[today]}", WEEKDAYS[today - 3]))
    mday = str(local.day) if local.day <= SHORTEST_MONTH else f"{local.day}&1"  # some months have no such day
    mdays = rng.choice(("*", "*", mday, f"{local.day}-28&1", "31&1"))
    months = rng.choice(("*", "*", MONTHS[local.month - 1], MONTHS[local.month - 4]))
    return ",".join((times, days, mdays, months)[: rng.choice((1, 2, 4, 4))])


def _dates(rng: random.Random, local: datetime) -> DateSet:
    """Return no dates, or some around a moment."""
    ranges: list[str] = []
    while rng.random() < 0.25:
        first = local.date() + timedelta(days=rng.randrange(-40, 12))
        last = first + timedelta(days=rng.choice((0, 1, 9, 35, 300)))
        year = rng.choice(("%Y", "*"))
        ranges.append(f"{first:{year}-%m-%d}..{last:{year}-%m-%d}" if rng.random() < 0.7 else f"{first:{year}-%m-%d}")
    if rng.random() < 0.25:
        ranges.append(f"{local:%Y-%m-%d}")
    return DateSet(tuple(map(parse_dates, ranges)))


def _rule(rng: random.Random, place: int, at: datetime, read: ReadNumber) -> Rule:
    zone = ZoneInfo(rng.choice(ZONES))
    windows: list[str] = []
    while rng.random() < 0.45 and len(windows) < 3:
        windows.append(_window(rng, at.astimezone(zone)) or "*")
    bounded = rng.random()
    edge = at + timedelta(minutes=rng.choice((-90, -5, 5, 90)))
    return Rule(
        name=f"rule {place}",
        tier=OVERRIDE if rng.random() < 0.3 else FALLBACK,
        route=Route((("app", "group"), ("num", str(place)))),
        did=_condition(rng, DIDS, read, any_share=0.25),
        caller=_condition(rng, CALLERS, read, any_share=0.45),
        stages=frozenset(rng.sample(STAGES, rng.choice((1, 2)))) if rng.random() < 0.3 else frozenset(),
        windows=tuple(parse_window(text) for text in windows),
        dates=_dates(rng, at.astimezone(zone)),
        except_dates=_dates(rng, at.astimezone(zone)) if rng.random() < 0.8 else NO_DATES,
        zone=zone,
        priority=rng.choice((0, 0, 0, 1, 2, -1)),
        valid_from=edge if bounded < 0.12 else None,
        valid_until=edge if 0.12 <= bounded < 0.24 else None,
    )


def make_set(rng: random.Random, at: datetime, read: ReadNumber) -> RuleSet:
    """Return a set of 8 to 20 rules, with its calls."""
    rules = tuple(_rule(rng, place, at, read) for place in range(1, rng.randint(9, 21)))
    by_did: tuple[tuple[Condition, Policy], ...] = ()
    if rng.random() < 0.7:
        orders = (Policy(), FALLBACK_ONLY, FALLBACK_ONLY, BACKWARDS)
        by_did = tuple((_condition(rng, DIDS, read, any_share=0.5), rng.choice(orders)) for _ in range(3))
    calls = tuple(
        (
            _number(rng, DIDS),
            rng.choice(WITHHELD) if rng.random() < 0.2 else _number(rng, CALLERS),
            rng.choice((*STAGES, "init", "init", "init")),
        )
        for _ in range(CALLS_A_SET)
    )
    return RuleSet(rules, Policies(Policy(), by_did), calls)


def winner(rules: tuple[Rule, ...], policies: Policies, call: Call, at: datetime) -> str:
    """Return the name of the rule that wins over the compiled tiers, "" for the last resort."""
    for tier in policies.of(call.did).order:
        if tier in {OVERRIDE, FALLBACK}:
            rule = Rulebook([rule for rule in rules if rule.tier == tier]).first(call, at)
            if rule is not None:
                return rule.name
    return ""


FEATURES: Mapping[str, Callable[[Rule], Rule]] = {
    "did": lambda rule: replace(rule, did=ANYONE),
    "exact did": lambda rule: replace(rule, did=replace(rule.did, exact=frozenset())),
    "did pattern": lambda rule: replace(rule, did=replace(rule.did, patterns=())),
    "caller": lambda rule: replace(rule, caller=ANYONE),
    "withheld": lambda rule: replace(rule, caller=replace(rule.caller, withheld=not rule.caller.withheld)),
    "stage": lambda rule: replace(rule, stages=frozenset()),
    "window": lambda rule: replace(rule, windows=()),
    "zone": lambda rule: replace(rule, zone=ZoneInfo("Asia/Tokyo")),
    "dates": lambda rule: replace(rule, dates=NO_DATES),
    "except": lambda rule: replace(rule, except_dates=NO_DATES),
    "validity": lambda rule: replace(rule, valid_from=None, valid_until=None),
    "priority": lambda rule: replace(rule, priority=0),
    "tier": lambda rule: replace(rule, tier=FALLBACK),
}
"""Kinds of condition, and the same rule without it."""

POLICY = "policy"


def deciders(chosen: RuleSet, call: Call, at: datetime) -> Iterator[str]:
    """Yield the kinds of condition without which another rule would win."""
    wins = winner(chosen.rules, chosen.policies, call, at)
    for name, without in FEATURES.items():
        if winner(tuple(map(without, chosen.rules)), chosen.policies, call, at) != wins:
            yield name
    if winner(chosen.rules, Policies(Policy()), call, at) != wins:
        yield POLICY
