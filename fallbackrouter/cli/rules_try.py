"""`rules diff` and `rules backtest`: what the edited files would change; nothing is applied by looking."""

from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.cli.rules_serve import check_files, serving_rules, tell_problems
from fallbackrouter.core.errors import RulesError

if TYPE_CHECKING:
    from fallbackrouter.cli.house import House
    from fallbackrouter.core.replay import Answer
    from fallbackrouter.jobs.backtest import Change, Report
    from fallbackrouter.jobs.rules_differ import Difference
    from fallbackrouter.rulesfile.compiled import RuleSpec

LAST = 10_000
SHOWN = 50
"""So many changes a table shows; `--json` tells all."""


def diff(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show which rules of the edited files differ from those that serve."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.jobs.rules_differ import differences, same_order
    from fallbackrouter.office.rules import difference_rows

    house = open_house(config)
    serving, edited = serving_rules(house) or (), _edited(house)
    if as_json:
        for row in difference_rows(serving, edited):
            put_json(row)
        return
    found = differences(serving, edited)
    for one in found:
        _say_difference(one)
    if not same_order(serving, edited):
        say("the rules stand in another order, which decides between equals")
    elif not found:
        say("the files hold the rules that serve")


def backtest(
    last: Annotated[
        int | None, typer.Option("--last", min=1, help=f"The newest calls; {LAST} without --since.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="T", help="Not before: 2026-11-23, 2026-11-23T10:00, or 2h, 7d ago.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which calls on record would go elsewhere by the edited files."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office import rules
    from fallbackrouter.office.moments import read_past

    house = open_house(config)
    since_at = read_past("--since", since, house.office.zone, SystemClock().now_at())
    report = rules.backtest(house.office, _edited(house), last=last, since=since_at)
    if as_json:
        put_json(rules.report_json(report))
    else:
        _put(report)


def _edited(house: "House") -> "tuple[RuleSpec, ...]":
    checked = check_files(house)
    if not checked.ok:
        tell_problems(checked.problems)
        raise RulesError("the files do not check, so there is nothing to try; correct what is named above")
    return checked.rules


def _say_difference(one: "Difference") -> None:
    sign = {"added": "+", "removed": "-", "changed": "~"}[one.kind]
    say(f"{sign} {one.tier} {one.name}")
    for key, (was, is_) in one.keys.items():
        say(f"    {key}: {was} -> {is_}")


def _put(report: "Report") -> None:
    rows = [
        (change.did, change.calls, _told(change.before), _told(change.after), _examples(change))
        for change in report.changes[:SHOWN]
    ]
    if rows:
        put_table("", ("did", "calls", "now", "by the files", "examples (caller, when)"), rows)
    if len(report.changes) > SHOWN:
        say(f"… and {len(report.changes) - SHOWN} more changes; --json tells all")
    say(
        f"{report.elsewhere:,} of {report.calls:,} calls would go elsewhere, "
        f"{report.by_other_rule:,} more to the same place by another rule"
    )
    if report.hidden:
        say(f"the callers of {report.hidden:,} calls are hidden in the journal; rules on callers saw what is left")


def _told(answer: "Answer") -> str:
    if answer.route is None:
        return f"{answer.source} is asked"
    routes = (answer.route, answer.next_route or {})
    where = ", then ".join(" ".join(f"{name}={value}" for name, value in route.items()) for route in routes if route)
    return f"{answer.source}{f' {answer.rule}' if answer.rule else ''}: {where}"


def _examples(change: "Change") -> str:
    from fallbackrouter.office.rules import moment_of

    return "\n".join(f"{call.caller or 'withheld'}, {moment_of(call)}" for call in change.examples)
