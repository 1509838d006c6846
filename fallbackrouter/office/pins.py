"""Pins: overrides that serve at once, and end by themselves."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fallbackrouter.core.errors import RulesError
from fallbackrouter.core.route import printable
from fallbackrouter.core.tier import OVERRIDE
from fallbackrouter.jobs.rules_pin import apply_pins
from fallbackrouter.office.office import Office
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.desk import Desk
from fallbackrouter.rulesfile.edit import add_rule, remove_rule, rules_of
from fallbackrouter.rulesfile.moment import read_moment
from fallbackrouter.rulesfile.sources import PINS
from fallbackrouter.rulesfile.spans import Span
from fallbackrouter.rulesfile.spell import Value

PRIORITY = "1000"
"""A pin wins over other overrides, unless they have a higher one."""
HEAD = "# Overrides that end by themselves: `fallbackrouter rules pin` writes them, and takes out what has ended.\n\n"
MAX_WHY_CHARS = 200
MAX_LENGTH = timedelta(days=366)
_LENGTH = re.compile(r"(\d{1,5})(m|h|d)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pin that serves, once the workers are told.

    Attributes:
        until: when it ends, in the rules' zone.
        checked: what the check of the pins found: warnings at the most.
        asked: whether calls to the number ask overrides at all, by their `[[policy]]`.
    """

    name: str
    until: datetime
    checked: Checked
    asked: bool


def pin_length(text: str) -> timedelta | None:
    """Return a length of time such as 30m, 2h or 3d; None where it is none, or longer than 366d."""
    found = _LENGTH.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    return length if timedelta() < length <= MAX_LENGTH else None


def pin(
    office: Office, did: str, routes: Mapping[str, Value], length: timedelta, now: datetime, *, why: str = ""
) -> Pinned:
    """Send all calls to a number elsewhere for a while; a former pin of the number is replaced.

    Args:
        did: a number or a pattern.
        routes: the key `route` or `routes` of the rule.

    Raises:
        UncheckedError: the pin does not check; nothing has changed.
        FallbackrouterError: it cannot be kept.
    """
    until = (now + length).astimezone(office.zone)
    keys: dict[str, Value] = {
        "name": f"pin {did}",
        "tier": "override",
        "did": did,
        "priority": PRIORITY,
        "valid_until": until.isoformat(sep=" ", timespec="seconds"),
        **routes,
    }
    comment = _comment(why, now)

    def pinned(text: str) -> str:
        kept = _without(text, lambda rule: _is_pin_of(office, rule, did) or _has_ended(rule, now))
        return add_rule(kept or HEAD, keys, None, comment)

    checked = _change(office, pinned, f"pin {did}", now)
    asked = did.startswith("_") or OVERRIDE in office.policies.of(office.read_number(did)).order
    return Pinned(f"pin {did}", until, checked, asked)


def unpin(office: Office, pinned: str, now: datetime) -> list[str]:
    """End the pins of a number, or the pin of a name; return their names.

    Raises:
        RulesError: there is none, or it cannot be ended.
    """
    ended: list[str] = []

    def without(text: str) -> str:
        ended.clear()

        def goes(rule: Span) -> bool:
            wanted = _is_pin_of(office, rule, pinned) or _text(rule, "name") == pinned
            if wanted:
                ended.append(_text(rule, "name"))
            return wanted or _has_ended(rule, now)

        after = _without(text, goes)
        if not ended:
            raise RulesError(f"nothing is pinned for {pinned}; `fallbackrouter rules list` shows what is")
        return after

    _change(office, without, f"unpin {pinned}", now)
    return ended


def _change(office: Office, transform: Callable[[str], str], note: str, now: datetime) -> Checked:
    _make_folder(office)
    file = office.rules_dir / PINS
    desk = Desk(office.rules_dir, office.check)
    checked = desk.change(file, transform, alone=True)
    apply_pins(lambda: desk.alone(file), office.journal, note, now)
    return checked


def _make_folder(office: Office) -> None:
    try:
        office.rules_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise RulesError(f"{office.rules_dir} cannot be made ({reason}); make it, or set rules.dir") from None


def _without(text: str, goes: Callable[[Span], bool]) -> str:
    going = [number for number, rule in enumerate(rules_of(text)) if goes(rule)]
    for number in reversed(going):
        text = remove_rule(text, number)
    return text


def _is_pin_of(office: Office, rule: Span, did: str) -> bool:
    """Tell whether a rule is the pin of a number, however either is spelled."""
    pinned, read = _text(rule, "did"), office.read_number
    if not _text(rule, "name").startswith("pin "):
        return False
    return pinned == did or (not did.startswith("_") and bool(read(did).key) and read(pinned).key == read(did).key)


def _has_ended(rule: Span, now: datetime) -> bool:
    # Pins are written with their offset; one that somebody wrote without is left to him.
    text = _text(rule, "valid_until")
    until = read_moment(text, None) if re.search(r"(Z|[+-]\d\d:\d\d)$", text) else None
    return until is not None and until <= now


def _text(rule: Span, key: str) -> str:
    value = rule.value(key)
    return value.text if value is not None else ""


def _comment(why: str, now: datetime) -> str:
    words = f": {printable(why, MAX_WHY_CHARS)}" if why else ""
    return f"# pinned {now:%Y-%m-%d %H:%M} UTC{words}"


def read_routes(to: Sequence[str], time: str) -> dict[str, Value]:
    """Return the key `route` or `routes` for places such as `group:62` and a time to ring.

    Raises:
        RulesError: no place, or more than two.
    """
    routes = [_route(text) for text in to]
    if not 1 <= len(routes) <= 2:  # noqa: PLR2004 - a first and a second
        raise RulesError("to is given once, or twice: where to, and where to if that does not take the call")
    if time:
        routes[0] = {**routes[0], "time": time}
    return {"route": routes[0]} if len(routes) == 1 else {"routes": list(routes)}


def _route(text: str) -> dict[str, Value]:
    app, _, num = text.partition(":")
    return {"app": app, "num": num} if num else {"app": app}
