"""The filters of `decisions list`, `stats` and `export`: as they are typed, and what they mean to the journal."""

from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.core.errors import FallbackrouterError

if TYPE_CHECKING:
    from collections.abc import Collection

    from fallbackrouter.cli.house import House
    from fallbackrouter.store.wanted import Numbers, Wanted

DidOption = Annotated[
    str, typer.Option("--did", metavar="N", help="This dialled number, in any spelling; 7495*: all that begin so.")
]
CallerOption = Annotated[
    str, typer.Option("--caller", metavar="N", help="This caller, in any spelling; 7950*; withheld.")
]
SourceOption = Annotated[str, typer.Option("--source", metavar="TIER", help="The tier that gave the route.")]
StatusOption = Annotated[str, typer.Option("--status", help="ok or degraded.")]
RuleOption = Annotated[str, typer.Option("--rule", metavar="NAME", help="The rule that gave the route.")]
SinceOption = Annotated[
    str, typer.Option("--since", metavar="T", help="Not before: 2026-11-23, 2026-11-23T10:00, or 2h, 30m, 7d ago.")
]
UntilOption = Annotated[str, typer.Option("--until", metavar="T", help="Before this moment, written the same way.")]
SlowOption = Annotated[str, typer.Option("--slow", metavar="TIME", help="Took at least so long: 200ms, 1.5s.")]
DrillOption = Annotated[bool, typer.Option("--drill", help="A drill touched it.")]


def wanted_of(
    house: "House",
    *,
    did: str = "",
    caller: str = "",
    source: str = "",
    status: str = "",
    rule: str = "",
    since: str = "",
    until: str = "",
    slow: str = "",
    drill: bool = False,
) -> "Wanted":
    """Return what the filters ask for.

    Raises:
        FallbackrouterError: one of them can mean nothing; the text says how to write it.
    """
    from fallbackrouter.cli.moments import read_ms, read_past
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.build import default_zone, zone_of
    from fallbackrouter.store.moments import to_ms
    from fallbackrouter.store.wanted import SOURCES, STATUSES, Wanted

    zone, now = zone_of(default_zone(house.settings)), SystemClock().now_at()
    first, last = (read_past(*option, zone, now) for option in (("--since", since), ("--until", until)))
    return Wanted(
        did=_number(house, "--did", did),
        caller=_number(house, "--caller", caller),
        source=_one_of("--source", source, SOURCES),
        status=_one_of("--status", status, STATUSES),
        rule=rule,
        since_ms=to_ms(first) if first else None,
        until_ms=to_ms(last) if last else None,
        slow_ms=read_ms("--slow", slow),
        drill=drill,
    )


def _one_of(option: str, word: str, known: "Collection[str]") -> str:
    from fallbackrouter.core.nearest import write_instead

    if word and word not in known:
        raise FallbackrouterError(f"{option} {word!r} is none; {write_instead(word, known)}")
    return word


def _number(house: "House", option: str, text: str) -> "Numbers | None":
    """Return the number in the form in which the journal compares it, and under the name that hides it there."""
    from fallbackrouter.core.numbers import dialled_form
    from fallbackrouter.numbering import Numbering
    from fallbackrouter.store.masking import pseudonym, read_secret
    from fallbackrouter.store.wanted import Numbers

    if not text:
        return None
    if text == "withheld":
        return Numbers(("",))
    if text.endswith("*") and not text.endswith("**"):
        beginning = dialled_form(text[:-1]).removeprefix("+")
        if not beginning:
            raise FallbackrouterError(f"{option} {text!r} is every number; write how it begins, or leave it out")
        return Numbers((beginning,), prefix=True)
    key = Numbering(house.settings.numbers.region).read(text).key
    secret = read_secret(house.data_dir) if key else None
    hidden = (pseudonym(secret)("".join(char for char in key if char.isdecimal())),) if secret else ()
    return Numbers((key, *hidden))
