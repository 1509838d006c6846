"""`rules list` and `rules show`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, put_table, say
from fallbackrouter.cli.rules_serve import check_files, serving_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fallbackrouter.cli.house import House
    from fallbackrouter.core.rule import Rule
    from fallbackrouter.rulesfile.compiled import RuleSpec
    from fallbackrouter.store.hits import Hits

DAYS = 7
"""Of so many days are the hits."""
COLUMNS = ("order", "tier", "name", "did", "caller", "stage", "when", "priority", "route", "hits", "place")
NameArgument = Annotated[str, typer.Argument(help="The rule's name; override/NAME where both tiers have one.")]


def list_(
    files: Annotated[bool, typer.Option("--files", help="The rules of the files as they are edited now.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rules that serve, in the order in which they win; before a first start, those of the files."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.rulesfile.compiled import digest, dump

    house = open_house(config)
    serving = serving_rules(house)
    checked = check_files(house)
    specs = checked.rules if files or serving is None else serving
    hits = _hits(house)
    rows = [_row(number, spec, hits) for number, spec in enumerate(_in_winning_order(specs), 1)]
    if as_json:
        for row in rows:
            put_json({"v": 1, **row})
    else:
        put_table("", COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    if not hits.whole:
        complain("hits are those of the newest decisions alone; there are more in these 7 days than are counted")
    if not checked.ok:
        complain("the files do not check, so they cannot serve; `fallbackrouter rules check` names every problem")
    elif serving is not None and digest(dump(checked.rules)) != digest(dump(serving)):
        complain("the files differ from the rules that serve; `fallbackrouter rules apply` takes them over")


def show(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show a rule as it stands in its file, comments and all; and its hits."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.cli.rules_desk import desk_of

    house = open_house(config)
    found = desk_of(house).find(name)
    serving = serving_rules(house) or ()
    spec = next((one for one in serving if (one.tier, one.name) == (found.tier, found.name)), None)
    hits = _hits(house).by_rule.get((found.tier, found.name), 0)
    if as_json:
        facts = {"file": str(found.file), "source": found.source, "serves": spec is not None, "hits": hits}
        put_json({"v": 1, "tier": found.tier, "name": found.name, **facts})
        return
    say(f"# {found.file}, {found.tier}, {hits} hits in {DAYS} days")
    say(found.source.rstrip("\n"))
    if spec is None:
        complain("no rule of this name serves; `fallbackrouter rules apply` takes the files over")


def _hits(house: "House") -> "Hits":
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.core.errors import StoreError
    from fallbackrouter.store.hits import Hits, count_hits

    try:
        return count_hits(house.journal, SystemClock().now_at() - timedelta(days=DAYS))
    except StoreError:
        return Hits({})  # before a first start nothing has decided; a damaged journal is told of by others


def _in_winning_order(specs: "Sequence[RuleSpec]") -> "list[RuleSpec]":
    """Return the rules as they win: overrides first, then by the most specific of each rule's conditions."""
    from fallbackrouter.clock import load_zone
    from fallbackrouter.core.order import entries
    from fallbackrouter.core.tier import DEFAULT_ORDER
    from fallbackrouter.rulesfile.compiled import dump, load

    def place(numbered: "tuple[int, Rule]") -> tuple[object, ...]:
        number, rule = numbered
        keys = [entry.key for entry in entries(rule, number)]
        # A rule whose list is empty can never win, and stands last.
        return DEFAULT_ORDER.index(rule.tier), not keys, min(keys, default=())

    rules = load(dump(specs), load_zone)
    return [specs[number] for number, _ in sorted(enumerate(rules), key=place)]


def _row(number: int, spec: "RuleSpec", hits: "Hits") -> dict[str, object]:
    until = f" until {spec.valid_until.removesuffix('+00:00')}Z" if spec.valid_until else ""
    return {
        "order": number,
        "tier": spec.tier,
        "name": spec.name,
        "priority": spec.priority,
        "did": spec.did.describe(),
        "caller": spec.caller.describe(),
        "stage": ", ".join(spec.stages) or "any",
        "when": spec.when + until,
        "route": ", then ".join(_fields(route) for route in (spec.route, spec.next_route) if route),
        "hits": hits.by_rule.get((spec.tier, spec.name), 0),
        "place": spec.place,
    }


def _fields(route: "Mapping[str, str]") -> str:
    return " ".join(f"{name}={value}" for name, value in route.items())
