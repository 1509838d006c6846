"""`rules pin` and `rules unpin`: an override that serves at once, and ends by itself."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import complain, say
from fallbackrouter.cli.rules_desk import TimeOption, change, desk_of, read_routes
from fallbackrouter.cli.rules_serve import open_journal, tell_router
from fallbackrouter.core.errors import RulesError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House
    from fallbackrouter.core.call import ReadNumber
    from fallbackrouter.rulesfile.spans import Span
    from fallbackrouter.rulesfile.spell import Value

PRIORITY = "1000"
"""A pin wins over other overrides, unless they have a higher one."""
HEAD = "# Overrides that end by themselves: `fallbackrouter rules pin` writes them, and takes out what has ended.\n\n"
MAX_WHY_CHARS = 200
_LENGTH = re.compile(r"(\d{1,5})(m|h|d)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
MAX_LENGTH = timedelta(days=366)


def pin(
    did: Annotated[str, typer.Argument(help="The dialled number, or a pattern.")],
    to: Annotated[list[str], typer.Option("--to", metavar="APP:NUM", help="Where to; a second one for FR_NEXT.")],
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long: 30m, 2h, 3d.")],
    why: Annotated[str, typer.Option("--why", help="For whoever finds it later.")] = "",
    time: TimeOption = "",
    config: ConfigOption = None,
) -> None:
    """Send all calls to a number elsewhere, at once and for a while; a former pin of the number is replaced."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.numbering import Numbering
    from fallbackrouter.rulesfile.edit import add_rule

    house = open_house(config)
    now = SystemClock().now_at()
    until = now + _length(for_)
    read = Numbering(house.settings.numbers.region).read
    keys: dict[str, Value] = {
        "name": f"pin {did}",
        "tier": "override",
        "did": did,
        "priority": PRIORITY,
        "valid_until": _spelled(house, until),
        **read_routes(to, time),
    }
    comment = _comment(why, now)

    def pinned(text: str) -> str:
        kept = _without(text, lambda rule: _is_pin_of(rule, did, read) or _has_ended(rule, now))
        return add_rule(kept or HEAD, keys, None, comment)

    _serve(house, pinned, f"pin {did}", now)
    _warn_of_policy(house, did, read)
    say(f'calls to {did} go to {" then ".join(to)} until {_clock(house, until)}; `rules unpin "{did}"` ends it')


def unpin(
    pinned: Annotated[str, typer.Argument(metavar="DID|NAME", help="The pinned number, or the pin's name.")],
    config: ConfigOption = None,
) -> None:
    """End a pin now."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.numbering import Numbering

    house = open_house(config)
    now = SystemClock().now_at()
    read = Numbering(house.settings.numbers.region).read
    ended: list[str] = []

    def without(text: str) -> str:
        def goes(rule: "Span") -> bool:
            wanted = _is_pin_of(rule, pinned, read) or _text(rule, "name") == pinned
            if wanted:
                ended.append(_text(rule, "name"))
            return wanted or _has_ended(rule, now)

        after = _without(text, goes)
        if not ended:
            raise RulesError(f"nothing is pinned for {pinned}; `fallbackrouter rules list` shows what is")
        return after

    _serve(house, without, f"unpin {pinned}", now)
    say(f"{', '.join(ended)}: ended")


def _warn_of_policy(house: "House", did: str, read: "ReadNumber") -> None:
    from fallbackrouter.config.build import build_policies
    from fallbackrouter.core.tier import OVERRIDE

    if not did.startswith("_") and OVERRIDE not in build_policies(house.settings, read).of(read(did)).order:
        complain(f"calls to {did} ask no override, by their [[policy]]: this pin changes none until its order has one")


def _serve(house: "House", transform: Callable[[str], str], note: str, now: datetime) -> None:
    from fallbackrouter.jobs.rules_pin import apply_pins
    from fallbackrouter.rulesfile.sources import PINS

    open_journal(house)
    _make_folder(house)
    file = house.rules_dir / PINS
    desk = desk_of(house)
    change(desk, file, transform, alone=True)
    apply_pins(lambda: desk.alone(file), house.journal, note, now)
    tell_router(house, "the pins")


def _make_folder(house: "House") -> None:
    try:
        house.rules_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise RulesError(f"{house.rules_dir} cannot be made ({reason}); make it, or set rules.dir") from None


def _without(text: str, goes: Callable[["Span"], bool]) -> str:
    from fallbackrouter.rulesfile.edit import remove_rule, rules_of

    going = [number for number, rule in enumerate(rules_of(text)) if goes(rule)]
    for number in reversed(going):
        text = remove_rule(text, number)
    return text


def _is_pin_of(rule: "Span", did: str, read: "ReadNumber") -> bool:
    """Tell whether a rule is the pin of a number, however either is spelled."""
    pinned = _text(rule, "did")
    if not _text(rule, "name").startswith("pin "):
        return False
    return pinned == did or (not did.startswith("_") and bool(read(did).key) and read(pinned).key == read(did).key)


def _has_ended(rule: "Span", now: datetime) -> bool:
    from fallbackrouter.rulesfile.moment import read_moment

    # Pins are written with their offset; one that somebody wrote without is left to him.
    text = _text(rule, "valid_until")
    until = read_moment(text, None) if re.search(r"(Z|[+-]\d\d:\d\d)$", text) else None
    return until is not None and until <= now


def _text(rule: "Span", key: str) -> str:
    value = rule.value(key)
    return value.text if value is not None else ""


def _length(text: str) -> timedelta:
    found = _LENGTH.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not timedelta() < length <= MAX_LENGTH:
        raise typer.BadParameter("--for is a length of time such as 30m, 2h or 3d, at most 366d")
    return length


def _spelled(house: "House", until: datetime) -> str:
    """Return a moment on the clock that hangs where the rules are meant, with its offset."""
    from fallbackrouter.config.build import default_zone, zone_of

    return until.astimezone(zone_of(default_zone(house.settings))).isoformat(sep=" ", timespec="seconds")


def _clock(house: "House", until: datetime) -> str:
    """Return a moment as an admin reads it, on the rules' clock."""
    from fallbackrouter.config.build import default_zone, zone_of

    return f"{until.astimezone(zone_of(default_zone(house.settings))):%Y-%m-%d %H:%M %Z}"


def _comment(why: str, now: datetime) -> str:
    from fallbackrouter.core.route import printable

    words = f": {printable(why, MAX_WHY_CHARS)}" if why else ""
    return f"# pinned {now:%Y-%m-%d %H:%M} UTC{words}"
