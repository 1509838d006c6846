"""`rules add`, `rules edit` and `rules remove`: the files are changed, and applied where that is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption
from fallbackrouter.cli.output import say
from fallbackrouter.cli.rules_desk import (
    ApplyOption,
    CallerOption,
    DatesOption,
    DidOption,
    ExceptOption,
    PriorityOption,
    StageOption,
    TierOption,
    TimeOption,
    ToOption,
    UntilOption,
    WhenOption,
    ZoneOption,
    change,
    desk_of,
    one_or_list,
    read_routes,
)
from fallbackrouter.cli.rules_list import NameArgument
from fallbackrouter.cli.rules_serve import apply_files
from fallbackrouter.core.errors import RulesError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fallbackrouter.cli.house import House
    from fallbackrouter.rulesfile.desk import Desk, Found
    from fallbackrouter.rulesfile.spell import Value

NEW_FILE = "rules.yaml"


def add(
    name: Annotated[str, typer.Option("--name", help="A name that no other rule has.")],
    to: ToOption = None,
    time: TimeOption = "",
    tier: TierOption = "",
    did: DidOption = None,
    caller: CallerOption = None,
    stage: StageOption = None,
    when: WhenOption = None,
    dates: DatesOption = None,
    except_: ExceptOption = None,
    timezone: ZoneOption = "",
    until: UntilOption = "",
    priority: PriorityOption = "",
    file: Annotated[
        str, typer.Option("--file", metavar="NAME", help="A file of the rules folder; made where it is not there.")
    ] = "",
    before: Annotated[str, typer.Option("--before", metavar="NAME", help="Above this rule, in its file.")] = "",
    after: Annotated[str, typer.Option("--after", metavar="NAME", help="Below this rule, in its file.")] = "",
    apply: ApplyOption = False,
    config: ConfigOption = None,
) -> None:
    """Add a rule to a file; it is saved where all rules check with it."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.rulesfile.edit import add_rule

    if not to:
        raise typer.BadParameter("--to says where the calls go, such as --to group:62")
    if sum(map(bool, (file, before, after))) > 1:
        raise typer.BadParameter("--file, --before and --after each say where; give one of them")
    house = open_house(config)
    desk = desk_of(house)
    lists = {"did": did, "caller": caller, "stage": stage, "when": when, "dates": dates, "except": except_}
    texts = {"timezone": timezone, "valid_until": until, "priority": priority}
    keys = {"name": name, "tier": tier or "fallback", **_keys(lists, texts), **read_routes(to, time)}
    at: int | None = None
    if before or after:
        neighbour = desk.find(before or after)
        path, at = neighbour.file, neighbour.number + bool(after)
    else:
        path = _file(desk, file)
    change(desk, path, lambda text: add_rule(text, keys, at))
    _done(house, f'rule "{name}" stands in {path} now', apply=apply)


def edit(
    name: NameArgument,
    rename: Annotated[str, typer.Option("--name", help="Another name for it.")] = "",
    to: ToOption = None,
    time: TimeOption = "",
    tier: TierOption = "",
    did: DidOption = None,
    caller: CallerOption = None,
    stage: StageOption = None,
    when: WhenOption = None,
    dates: DatesOption = None,
    except_: ExceptOption = None,
    timezone: ZoneOption = "",
    until: UntilOption = "",
    priority: PriorityOption = "",
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="KEY", help="Take this key out; may be repeated.")
    ] = None,
    apply: ApplyOption = False,
    config: ConfigOption = None,
) -> None:
    """Change keys of a rule; without any, open its file at that rule in $EDITOR, and check what was saved there."""
    from fallbackrouter.cli.house import open_house

    house = open_house(config)
    desk = desk_of(house)
    found = desk.find(name)
    lists = {"did": did, "caller": caller, "stage": stage, "when": when, "dates": dates, "except": except_}
    texts = {"name": rename, "tier": tier, "timezone": timezone, "valid_until": until, "priority": priority}
    keys = {**_keys(lists, texts), **_routes(found, to or [], time)}
    if keys or without:
        _set_keys(desk, found, keys, without or [])
    else:
        _by_hand(desk, found)
    _done(house, f'rule "{rename or found.name}" is changed in {found.file}', apply=apply)


def remove(name: NameArgument, apply: ApplyOption = False, config: ConfigOption = None) -> None:
    """Take a rule out of its file, with the comment lines directly above it."""
    from fallbackrouter.cli.house import open_house
    from fallbackrouter.rulesfile.edit import remove_rule

    house = open_house(config)
    desk = desk_of(house)
    found = desk.find(name)
    change(desk, found.file, lambda text: remove_rule(text, _again(found, text)))
    say(found.source.rstrip("\n"))
    _done(house, f'rule "{found.name}" is gone from {found.file}', apply=apply)


def _keys(lists: "Mapping[str, list[str] | None]", texts: "Mapping[str, str]") -> "dict[str, Value]":
    """Return the keys that options give a value."""
    given: dict[str, Value] = {key: one_or_list(values) for key, values in lists.items() if values}
    return given | {key: text for key, text in texts.items() if text}


def _routes(found: "Found", to: list[str], time: str) -> "dict[str, Value]":
    """Return the routes that a rule is to have; what `--to` says nothing of stays."""
    value = found.rule.value("route") or found.rule.value("routes")
    now = _first_route(value.plain) if value is not None else {}
    if not to:
        return {"route": {**now, "time": time}} if time and found.rule.value("route") else _no_single_route(time)
    routes = read_routes(to, time)
    kept = {name: text for name, text in now.items() if name not in ("app", "num")}
    if isinstance(first := routes.get("route"), dict):
        routes["route"] = {**first, **{name: text for name, text in kept.items() if name not in first}}
    return routes


def _first_route(plain: object) -> "dict[str, Value]":
    first = plain[0] if isinstance(plain, list) and plain and isinstance(plain[0], list) else plain
    return dict(first) if isinstance(first, list) else {}


def _no_single_route(time: str) -> "dict[str, Value]":
    if time:
        raise RulesError("--time alone changes a rule with one route; give --to too")
    return {}


def _set_keys(desk: "Desk", found: "Found", keys: "Mapping[str, Value]", without: list[str]) -> None:
    from fallbackrouter.rulesfile.edit import drop_key, set_key
    from fallbackrouter.rulesfile.reader import KEYS

    # A rule has one of the two.
    other = {"route": "routes", "routes": "route"}
    drop = [*without, *(other[key] for key in keys if key in other and other[key] in found.keys)]
    if missing := [key for key in without if key not in found.keys]:
        raise RulesError(f'rule "{found.name}" has no key {missing[0]}; it has {", ".join(found.keys)}')

    def edited(text: str) -> str:
        number = _again(found, text)
        for key, value in keys.items():
            text = set_key(text, number, key, value, KEYS)
        for key in drop:
            text = drop_key(text, number, key)
        return text

    change(desk, found.file, edited)


def _by_hand(desk: "Desk", found: "Found") -> None:
    """Let the admin edit a copy of the file, and save it where all rules check with it."""
    from fallbackrouter.cli.editor import Copy

    before = found.file.read_bytes()
    with Copy(found.file, before, _line_of(found)) as copy:
        after = copy.edit()
        if after == before.decode("utf-8-sig").replace("\r\n", "\n"):
            raise RulesError("nothing was changed")
        change(desk, found.file, lambda text: copy.merge(text, after))
        copy.done()


def _line_of(found: "Found") -> int:
    text = found.file.read_text(encoding="utf-8-sig")
    return text.count("\n", 0, found.rule.start) + 1


def _again(found: "Found", text: str) -> int:
    """Return a rule's number in a text that is read again.

    Raises:
        RulesError: another rule stands there by now.
    """
    from fallbackrouter.rulesfile.edit import rules_of

    rules = rules_of(text)
    if found.number >= len(rules) or rules[found.number].plain != found.rule.plain:
        raise RulesError("the file was changed by somebody else meanwhile; nothing was written, try again")
    return found.number


def _file(desk: "Desk", name: str) -> Path:
    """Return the file for a new rule: the one named, else the only one there is, else rules.yaml."""
    from fallbackrouter.rulesfile.files import is_rules_name
    from fallbackrouter.rulesfile.sources import PINS

    if name:
        if "/" in name or not is_rules_name(name):
            raise RulesError(f"--file {name}: rules stand in files of {desk.directory} that end in .yaml or .yml")
        return desk.directory / name
    files = [file for file in desk.files() if file.name != PINS]
    return files[0] if len(files) == 1 else desk.directory / NEW_FILE


def _done(house: "House", what: str, *, apply: bool) -> None:
    say(what + ("" if apply else "; `fallbackrouter rules apply` makes it serve"))
    if apply:
        apply_files(house, "rules edit")
