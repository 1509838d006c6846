"""`rules pin` and `rules unpin`: an override that serves at once, and ends by itself."""

from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import complain, say
from fallbackrouter.cli.rules_desk import TimeOption, read_routes
from fallbackrouter.cli.rules_serve import open_journal, tell_problems, tell_router


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
    from fallbackrouter.office import pins
    from fallbackrouter.rulesfile.desk import UncheckedError

    length = pins.pin_length(for_)
    if length is None:
        raise typer.BadParameter("--for is a length of time such as 30m, 2h or 3d, at most 366d")
    house = open_house(config)
    routes = read_routes(to, time)
    open_journal(house)
    try:
        pinned = pins.pin(house.office, did, routes, length, SystemClock().now_at(), why=why)
    except UncheckedError as refused:
        tell_problems(refused.problems)
        raise
    if pinned.checked.rules:
        tell_problems(pinned.checked.problems)
    tell_router(house, "the pins")
    if not pinned.asked:
        complain(f"calls to {did} ask no override, by their [[policy]]: this pin changes none until its order has one")
    until = f"{pinned.until:%Y-%m-%d %H:%M %Z}"
    say(f'calls to {did} go to {" then ".join(to)} until {until}; `rules unpin "{did}"` ends it')


def unpin(
    pinned: Annotated[str, typer.Argument(metavar="DID|NAME", help="The pinned number, or the pin's name.")],
    config: ConfigOption = None,
) -> None:
    """End a pin now."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office import pins

    house = open_house(config)
    open_journal(house)
    ended = pins.unpin(house.office, pinned, SystemClock().now_at())
    tell_router(house, "the pins")
    say(f"{', '.join(ended)}: ended")
