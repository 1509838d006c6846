"""Making rules serve: stored in the journal, and told to the running router."""

from typing import TYPE_CHECKING

from fallbackrouter.cli.output import complain, put_json, say
from fallbackrouter.core.errors import ControlError, RulesError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fallbackrouter.cli.house import House
    from fallbackrouter.rulesfile.check import Checked, Problem
    from fallbackrouter.rulesfile.compiled import RuleSpec

TELL_S = 10.0


def check_files(house: "House") -> "Checked":
    """Check every rule file; nothing is applied by looking."""
    from fallbackrouter.config.rules import check_configured_rules

    return check_configured_rules(house.loaded)


def serving_rules(house: "House") -> "tuple[RuleSpec, ...] | None":
    """Return the rules that serve (or would at a start with broken files); None before a first start."""
    from fallbackrouter.office import rules

    return rules.serving_rules(house.office)


def tell_problems(problems: "Iterable[Problem]", *, as_json: bool = False) -> None:
    """Name problems, for people on stderr."""
    from fallbackrouter.office.rules import problem_json

    for problem in problems:
        if as_json:
            put_json({"v": 1, **problem_json(problem)})
        else:
            complain(problem.text)


def open_journal(house: "House") -> None:
    """Make the journal, or bring it to this release's schema.

    Raises:
        StoreError: it cannot be used.
    """
    from fallbackrouter.store.migrate import upgrade

    house.make_data_dir()
    upgrade(house.journal)


def apply_files(house: "House", note: str) -> None:
    """Take the rule files over, and say so.

    Raises:
        RulesError: they do not check; every problem has been named.
    """
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.rules import apply_configured_rules

    open_journal(house)
    applied = apply_configured_rules(house.loaded, house.journal, note, SystemClock().now_at())
    tell_problems(applied.problems)
    if not applied.ok:
        raise RulesError("nothing was applied; correct what is named above and try again")
    tell_router(house, f"{applied.count} rules", "" if applied.changed else " (the same as before)")


def tell_router(house: "House", what: str, and_: str = "") -> None:
    """Have the running router take the rules stored last, and say whether they serve."""
    from fallbackrouter.control.client import command

    try:
        command(house.data_dir, {"do": "rules_changed"}, within_s=TELL_S)
    except ControlError as error:
        say(f"{what} are kept; they serve from the router's next start ({error})")
        return
    say(f"{what} serve now{and_}")
