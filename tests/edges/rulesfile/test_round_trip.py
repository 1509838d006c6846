"""Any rules, spelled in any way with any comments: checked, changed, saved and loaded, they mean what was meant."""

import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fallbackrouter.clock import load_zone
from fallbackrouter.core.errors import RulesError
from fallbackrouter.core.route import Gate
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile.check import Checked, check_rules
from fallbackrouter.rulesfile.compiled import RuleSpec, dump, load, load_specs
from fallbackrouter.rulesfile.desk import Desk
from fallbackrouter.rulesfile.edit import add_rule, rules_of, set_key
from fallbackrouter.rulesfile.spell import Value, spell
from tests.proof.examples import examples

GATE = Gate(
    apps={"group": ("num",), "auto": ()},
    num=re.compile("[0-9A-Za-z_+*#.-]{1,40}"),
    external=re.compile("[0-9+]{3,15}"),
    variables=frozenset({"app", "num", "time", "text"}),
    functions=frozenset({"CALLERID(name)"}),
)
_READ = Numbering("").read


def _check(directory: Path) -> Checked:
    return check_rules(directory, gate=GATE, read_number=_READ, load_zone=load_zone, default_zone="")


def _meant(specs: tuple[RuleSpec, ...]) -> list[RuleSpec]:
    return [msgspec.structs.replace(spec, place="") for spec in specs]


_NAMES = st.text(st.sampled_from("abc éж-,:{}[]&*!|>%@`'?~.019"), min_size=1, max_size=12).filter(
    lambda name: name.strip() == name
)
_NUMBERS = st.sampled_from(["100", "0100", "+74951111111", "_7495XXXXXXX", "_[1-3]X.", "*72", "alice"])
_CONDITIONS: st.SearchStrategy[Value] = st.just("any") | _NUMBERS | st.lists(_NUMBERS, min_size=1, max_size=4)
_ROUTES = st.fixed_dictionaries(
    {"app": st.just("group"), "num": st.sampled_from(["62", "0062", "*72", "+7999"])},
    optional={"time": st.sampled_from(["60", "005"]), "text": _NAMES, "CALLERID(name)": _NAMES},
)
_KEYS = {
    "did": _CONDITIONS,
    "caller": _CONDITIONS | st.just("withheld"),
    "stage": st.sampled_from(["init", ["init", "night"]]),
    "when": st.sampled_from(["09:00-18:00,mon-fri,*,*", ["*,sat", "22:00-06:00,fri"]]),
    "timezone": st.just("Europe/Moscow"),
    "priority": st.sampled_from(["5", "-3", "+7"]),
    "valid_until": st.sampled_from(["2030-01-01 10:00", "2030-01-01T10:00Z"]),
}
_RULES = st.lists(
    st.fixed_dictionaries(
        {"name": _NAMES, "tier": st.sampled_from(["fallback", "override"]), "route": _ROUTES}, optional=_KEYS
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda rule: (rule["tier"], rule["name"]),
)


@st.composite
def _spelled(draw: st.DrawFn, rules: list[dict[str, Any]]) -> str:
    """Rules as an admin may write them: in blocks or brackets, with comments and blank lines anywhere."""
    notes = st.sampled_from(["", "", "  # a note", "   # it's: [not] - YAML"])
    lines = draw(st.sampled_from(["", "# the file's\n", "# the file's\n\n"]))
    for rule in rules:
        lines += draw(st.sampled_from(["", "\n", "# above\n", "\n# above - both\n# of these\n"]))
        if draw(st.integers(0, 3)) == 0:
            lines += f"- {spell(rule)}{draw(notes)}\n"
            continue
        lead = "- "
        for key, value in rule.items():
            lines += f"{lead}{key}:{draw(_value(value))}{draw(notes)}\n"
            lines += draw(st.sampled_from(["", "", "  # between\n", "\n"]))
            lead = "  "
    return lines


@st.composite
def _value(draw: st.DrawFn, value: Value) -> str:
    if isinstance(value, str) or draw(st.booleans()):
        return " " + spell(value)
    if isinstance(value, dict):
        parts = [f"{key}: {spell(part)}" for key, part in value.items()]
    else:
        parts = [f"- {spell(part)}" for part in value]
    inner = draw(st.sampled_from(["\n      ", "  # inner\n      ", "\n      # on its own\n      "]))
    return "".join(inner + part for part in parts)


def _comments(text: str) -> Counter[str]:
    """Count comments; no value of these rules has a blank before a `#`."""
    return Counter(comment.strip() for comment in re.findall(r"(?:^|\s)(#[^\n]*)", text))


@settings(max_examples=examples(150, full=1000), deadline=None)
@given(_RULES.flatmap(lambda rules: st.tuples(st.just(rules), _spelled(rules))), st.data())
def test_checked_changed_saved_and_loaded(drawn: tuple[list[dict[str, Any]], str], data: st.DataObject) -> None:
    rules, text = drawn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "a.yaml"
        file.write_text(text, encoding="utf-8")
        plainly = folder / "plainly"
        plainly.mkdir()
        (plainly / "a.yaml").write_text("".join(f"- {spell(rule)}\n" for rule in rules), encoding="utf-8")
        first = _check(folder)
        assert first.ok, [problem.text for problem in first.problems]
        assert _meant(first.rules) == _meant(_check(plainly).rules)
        assert load_specs(dump(first.rules)) == first.rules
        assert len(load(dump(first.rules), load_zone)) == len(rules)
        number = data.draw(st.integers(0, len(rules) - 1))
        key = data.draw(st.sampled_from([key for key in rules[number] if key != "name"]))
        value = data.draw({**_KEYS, "tier": st.just(rules[number]["tier"]), "route": _ROUTES}[key])
        desk = Desk(folder, _check)
        desk.change(file, lambda before: set_key(before, number, key, value))
        rules[number][key] = value
        (plainly / "a.yaml").write_text("".join(f"- {spell(rule)}\n" for rule in rules), encoding="utf-8")
        assert _meant(_check(folder).rules) == _meant(_check(plainly).rules)
        assert _comments(file.read_text(encoding="utf-8")) >= _comments(text)
        unchanged = file.read_text(encoding="utf-8")
        desk.change(file, lambda before: add_rule(before, {"name": "a new one", "route": {"app": "auto"}}))
        assert file.read_text(encoding="utf-8").startswith(unchanged)
        assert len(rules_of(file.read_text(encoding="utf-8"))) == len(rules) + 1


@settings(max_examples=examples(100, full=1000), deadline=None)
@given(st.text(st.sampled_from(list("ab:-[]{}\"'#&*!|>%@`,? \n\t\\xU0\r")), max_size=60))
def test_a_hostile_file_is_refused_or_changed_and_never_crashes_the_command(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "a.yaml"
        file.write_text(text, encoding="utf-8", newline="")
        before = file.read_bytes()
        desk = Desk(folder, _check)
        try:
            desk.find("a")
            desk.change(file, lambda now: add_rule(now, {"name": "x", "route": {"app": "auto"}}))
        except RulesError:
            left = file.read_bytes()
        else:
            return
        assert left == before
