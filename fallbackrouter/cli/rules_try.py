"""`rules diff` and `rules backtest`: what the edited files would change; nothing is applied by looking."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import put_json, put_table, say
from fallbackrouter.cli.rules_serve import check_files, serving_rules, tell_problems
from fallbackrouter.core.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fallbackrouter.cli.house import House
    from fallbackrouter.core.replay import Answer, Recorded
    from fallbackrouter.core.rule import Rule
    from fallbackrouter.jobs.backtest import Backtest, Change, Report
    from fallbackrouter.jobs.rules_differ import Difference
    from fallbackrouter.rulesfile.compiled import RuleSpec

LAST = 10_000
SHOWN = 50
"""So many changes a table shows; `--json` tells all."""


def diff(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show which rules of the edited files differ from those that serve."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.jobs.rules_differ import differences, plain, same_order

    house = open_house(config)
    serving, edited = serving_rules(house) or (), _edited(house)
    found = differences(serving, edited)
    if as_json:
        for one in found:
            facts = {"change": one.kind, "tier": one.tier, "name": one.name, "keys": list(one.keys)}
            put_json({"v": 1, **facts, "before": plain(one.before), "after": plain(one.after)})
        return
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
    from fallbackrouter.cli.moments import read_past
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.config.build import default_zone, zone_of
    from fallbackrouter.store.recorded import MAX_ROWS, recorded_rows

    house = open_house(config)
    since_at = read_past("--since", since, zone_of(default_zone(house.settings)), SystemClock().now_at())
    count = last or (MAX_ROWS if since_at else LAST)
    report = _backtest(house).run(recorded_rows(house.journal, last=count, since=since_at))
    if as_json:
        put_json(_as_json(report))
    else:
        _put(report)


def _edited(house: "House") -> "tuple[RuleSpec, ...]":
    checked = check_files(house)
    if not checked.ok:
        tell_problems(checked.problems)
        raise RulesError("the files do not check, so there is nothing to try; correct what is named above")
    return checked.rules


def _backtest(house: "House") -> "Backtest":
    from fallbackrouter.config.build import build_policies, last_resort
    from fallbackrouter.jobs.backtest import Backtest
    from fallbackrouter.numbering import Numbering

    read = Numbering(house.settings.numbers.region).read
    return Backtest(
        serving=_rules(serving_rules(house) or ()),
        tried=_rules(_edited(house)),
        policies=build_policies(house.settings, read),
        last_resort=last_resort(house.settings),
        read_number=read,
        has_crm=bool(house.settings.crm.url),
    )


def _rules(specs: "tuple[RuleSpec, ...]") -> "tuple[Rule, ...]":
    from fallbackrouter.clock import load_zone
    from fallbackrouter.rulesfile.compiled import dump, load

    return load(dump(specs), load_zone)


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
    return "\n".join(f"{call.caller or 'withheld'}, {_at(call)}" for call in change.examples)


def _at(call: "Recorded") -> str:
    return call.at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_json(report: "Report") -> dict[str, Any]:
    changes = list(_changes(report))
    counts = {"calls": report.calls, "elsewhere": report.elsewhere, "by_other_rule": report.by_other_rule}
    counts["hidden"] = report.hidden
    return {"v": 1, **counts, "changes": changes}


def _changes(report: "Report") -> "Iterator[dict[str, Any]]":
    for change in report.changes:
        examples = [{"id": call.decision_id, "at": _at(call), "caller": call.caller} for call in change.examples]
        before, after = _answer(change.before), _answer(change.after)
        yield {"did": change.did, "calls": change.calls, "before": before, "after": after, "examples": examples}


def _answer(answer: "Answer") -> dict[str, Any]:
    return {"source": answer.source, "rule": answer.rule, "route": answer.route, "next": answer.next_route}
