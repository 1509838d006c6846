"""`rules check`, `apply` and `list`."""

from typing import TYPE_CHECKING

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, put_table, say
from fallbackrouter.core.errors import ControlError, RulesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fallbackrouter.cli.house import House
    from fallbackrouter.core.rule import Rule
    from fallbackrouter.rulesfile.check import Checked, Problem
    from fallbackrouter.rulesfile.compiled import RuleSpec

app = typer.Typer(help="The admin's static rules.", no_args_is_help=True)


def check_files(house: "House") -> "Checked":
    """Check every rule file; nothing is applied by looking."""
    from fallbackrouter.config.rules import check_configured_rules

    return check_configured_rules(house.loaded)


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check every rule file and name every problem, with its place and its remedy."""
    from fallbackrouter.cli.house import open_house

    house = open_house(config)
    checked = check_files(house)
    _tell_problems(checked.problems, as_json=as_json)
    if any(problem.severity == "error" for problem in checked.problems):
        raise typer.Exit(1)
    if not as_json:
        say(f"{house.rules_dir}: {len(checked.rules)} rules, all good")


def _tell_problems(problems: "Iterable[Problem]", *, as_json: bool = False) -> None:
    for problem in problems:
        if as_json:
            put_json({"v": 1, **{name: getattr(problem, name) for name in PROBLEM_KEYS}})
        else:
            place = f"{problem.file}:{problem.line}:{problem.column}"
            complain(f"{place}: {problem.severity}: {problem.what}; {problem.remedy}")


PROBLEM_KEYS = ("file", "line", "column", "severity", "what", "remedy")


@app.command()
def apply(config: ConfigOption = None) -> None:
    """Check the rule files, keep them as the rules that serve, and tell the running router."""
    from functools import partial

    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.control.client import command
    from fallbackrouter.jobs.rules_apply import apply_rules
    from fallbackrouter.store.migrate import upgrade

    house = open_house(config)
    house.make_data_dir()
    upgrade(house.journal)
    applied = apply_rules(partial(check_files, house), house.journal, "rules apply", SystemClock().now_at())
    _tell_problems(applied.problems)
    if not applied.ok:
        raise RulesError("nothing was applied; correct what is named above and try again")
    try:
        command(house.data_dir, {"do": "rules_changed"}, within_s=10.0)
    except ControlError as error:
        say(f"{applied.count} rules kept; they serve from the router's next start ({error})")
        return
    say(f"{applied.count} rules serve now" + ("" if applied.changed else " (the same as before)"))


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the rules that serve, in the order in which they win; before a first start, those of the files."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.rulesfile.compiled import digest, dump

    house = open_house(config)
    serving = serving_rules(house)
    checked = check_files(house)
    specs = checked.rules if serving is None else serving
    rows = [_row(spec) for spec in _in_winning_order(specs)]
    if as_json:
        for row in rows:
            put_json({"v": 1, **row})
    else:
        put_table("", COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    if serving is not None and digest(dump(checked.rules)) != digest(dump(serving)):
        complain("the files differ from the rules that serve; `fallbackrouter rules apply` takes them over")


def serving_rules(house: "House") -> "tuple[RuleSpec, ...] | None":
    """Return the rules that serve (or would at a start with broken files); None before a first start."""
    from fallbackrouter.rulesfile.compiled import load_specs
    from fallbackrouter.store.rulesets import latest_ruleset

    if not house.journal.exists():
        return None
    latest = latest_ruleset(house.journal)
    return None if latest is None else load_specs(latest.body)


def _in_winning_order(specs: "Sequence[RuleSpec]") -> "list[RuleSpec]":
    """Return the rules as they win: overrides first, then by the most specific of each rule's conditions."""
    from fallbackrouter.clock import load_zone
    from fallbackrouter.core.order import entries
    from fallbackrouter.core.tier import DEFAULT_ORDER
    from fallbackrouter.rulesfile.compiled import dump, load

    def place(numbered: "tuple[int, Rule]") -> tuple[object, ...]:
        number, rule = numbered
        return DEFAULT_ORDER.index(rule.tier), min(entry.key for entry in entries(rule, number))

    rules = load(dump(specs), load_zone)
    return [specs[number] for number, _ in sorted(enumerate(rules), key=place)]


COLUMNS = ("tier", "name", "priority", "did", "caller", "stage", "when", "route", "place")


def _row(spec: "RuleSpec") -> dict[str, object]:
    return {
        "tier": spec.tier,
        "name": spec.name,
        "priority": spec.priority,
        "did": spec.did.describe(),
        "caller": spec.caller.describe(),
        "stage": ", ".join(spec.stages) or "any",
        "when": spec.when,
        "route": ", then ".join(_fields(route) for route in (spec.route, spec.next_route) if route),
        "place": spec.place,
    }


def _fields(route: "Mapping[str, str]") -> str:
    return " ".join(f"{name}={value}" for name, value in route.items())
