"""The filters of `decisions list`, `stats` and `export`: as they are typed, and what they mean to the journal."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House
    from fallbackrouter.store.wanted import Wanted

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
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office import wanted

    numbers = {"did": did, "caller": caller}
    times = {"since": since, "until": until, "slow": slow}
    words = {"source": source, "status": status, "rule": rule}
    now = SystemClock().now_at()
    return wanted.wanted_of(house.office, now, **numbers, **times, **words, drill=drill, sign="--")
