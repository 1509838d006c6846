"""What commands that change rule files share: the desk, and how options become keys of a rule."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.rules_serve import tell_problems
from fallbackrouter.core.errors import FallbackrouterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fallbackrouter.cli.house import House
    from fallbackrouter.rulesfile.check import Checked
    from fallbackrouter.rulesfile.desk import Desk
    from fallbackrouter.rulesfile.spell import Value

DidOption = Annotated[list[str] | None, typer.Option("--did", help="A dialled number or pattern; may be repeated.")]
CallerOption = Annotated[list[str] | None, typer.Option("--caller", help="Who calls; may be repeated.")]
StageOption = Annotated[list[str] | None, typer.Option("--stage", help="The point of the call; may be repeated.")]
WhenOption = Annotated[list[str] | None, typer.Option("--when", help="Hours and days; may be repeated.")]
DatesOption = Annotated[list[str] | None, typer.Option("--dates", help="Only on these; may be repeated.")]
ExceptOption = Annotated[list[str] | None, typer.Option("--except", help="Not on these; may be repeated.")]
TierOption = Annotated[str, typer.Option("--tier", help="fallback or override.")]
ZoneOption = Annotated[str, typer.Option("--timezone", help="The zone in which --when is meant.")]
PriorityOption = Annotated[str, typer.Option("--priority", help="The higher wins; 0 without it.")]
UntilOption = Annotated[str, typer.Option("--until", metavar="T", help="When the rule ends: 2026-03-08 18:00.")]
ToOption = Annotated[
    list[str] | None, typer.Option("--to", metavar="APP:NUM", help="Where to; a second one for FR_NEXT.")
]
TimeOption = Annotated[str, typer.Option("--time", metavar="SECONDS", help="How long it rings.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Apply the files at once.")]


def desk_of(house: "House") -> "Desk":
    """Return the desk of the rules directory."""
    from functools import partial

    from fallbackrouter.config.rules import check_folder
    from fallbackrouter.rulesfile.desk import Desk

    return Desk(house.rules_dir, partial(check_folder, house.loaded))


def change(desk: "Desk", file: Path, transform: Callable[[str], str], *, alone: bool = False) -> "Checked":
    """Change a file and save it, naming every problem where it does not check.

    Raises:
        RulesError: nothing was saved.
    """
    from fallbackrouter.rulesfile.desk import UncheckedError

    try:
        checked = desk.change(file, transform, alone=alone)
    except UncheckedError as refused:
        tell_problems(refused.problems)
        raise
    if checked.rules or not alone:  # a file of pins may be empty
        tell_problems(checked.problems)
    return checked


def one_or_list(values: "Sequence[str]") -> "Value":
    """Return one text as such, several as a list."""
    return values[0] if len(values) == 1 else list(values)


def read_routes(to: "Sequence[str]", time: str) -> "dict[str, Value]":
    """Return the key `route` or `routes` for `--to` and `--time`.

    Raises:
        FallbackrouterError: more than two places.
    """
    from fallbackrouter.office import pins

    if len(to) > 2:  # noqa: PLR2004 - a first and a second
        raise FallbackrouterError("--to is given once, or twice: where to, and where to if that does not take the call")
    return pins.read_routes(to, time)
