"""`rules list` and `rules show`."""

from typing import Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import complain, put_json, put_table, say
from fallbackrouter.cli.rules_serve import check_files, serving_rules

COLUMNS = ("order", "tier", "name", "did", "caller", "stage", "when", "priority", "route", "hits", "place")
NameArgument = Annotated[str, typer.Argument(help="The rule's name; override/NAME where both tiers have one.")]


def list_(
    files: Annotated[bool, typer.Option("--files", help="The rules of the files as they are edited now.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rules that serve, in the order in which they win; before a first start, those of the files."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office.rules import hits_of, rule_rows
    from fallbackrouter.rulesfile.compiled import digest, dump

    house = open_house(config)
    serving = serving_rules(house)
    checked = check_files(house)
    specs = checked.rules if files or serving is None else serving
    hits = hits_of(house.office, SystemClock().now_at())
    rows = rule_rows(specs, hits)
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
    from fallbackrouter.clock import SystemClock
    from fallbackrouter.office.rules import DAYS, hits_of

    house = open_house(config)
    found = desk_of(house).find(name)
    serving = serving_rules(house) or ()
    spec = next((one for one in serving if (one.tier, one.name) == (found.tier, found.name)), None)
    hits = hits_of(house.office, SystemClock().now_at()).by_rule.get((found.tier, found.name), 0)
    if as_json:
        facts = {"file": str(found.file), "source": found.source, "serves": spec is not None, "hits": hits}
        put_json({"v": 1, "tier": found.tier, "name": found.name, **facts})
        return
    say(f"# {found.file}, {found.tier}, {hits} hits in {DAYS} days")
    say(found.source.rstrip("\n"))
    if spec is None:
        complain("no rule of this name serves; `fallbackrouter rules apply` takes the files over")
