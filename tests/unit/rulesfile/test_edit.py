"""Changing one rule in a file's text: what is meant comes out, and everything else stays."""

import re
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fallbackrouter.core.errors import RulesError
from fallbackrouter.rulesfile.edit import add_rule, drop_key, remove_rule, rules_of, set_key, source_of
from tests.proof.size import full_or

PAGE = """\
# the file's own words

# by day
- name: a   # the first
  did:   # main numbers
  - "1" # Ivanov
  - 2
  # hours follow
  when: |
    09:00-18:00
  route: {app: group, num: '62' }  # sales

# at night
# the guard
-
  # foo - bar
  {name: b, "tier": 'override', route: {app: auto}}
- name: c
  route:
    app: group
    # inner
    num: 5 # five
# the end
"""


def _plain(text: str) -> list[Any]:
    return [dict(rule.plain) for rule in rules_of(text)]


def _comments(text: str) -> Counter[str]:
    """Count the comments of a text that has no `#` elsewhere."""
    return Counter(comment.rstrip() for comment in re.findall(r"#.*", text))


def _filled(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_a_value_is_replaced_and_its_comments_stay() -> None:
    text = set_key(PAGE, 0, "did", ["3", "*72"])
    assert text == PAGE.replace(
        '  did:   # main numbers\n  - "1" # Ivanov\n  - 2\n', '  # main numbers\n  # Ivanov\n  did: ["3", "*72"]\n'
    )
    assert set_key(PAGE, 2, "route", {"app": "queue", "num": "7"}).endswith(
        '- name: c\n  # inner\n  route: {app: queue, num: "7"} # five\n# the end\n'
    )


def test_a_new_key_stands_where_it_belongs() -> None:
    text = set_key(PAGE, 0, "priority", "5", ("name", "did", "priority", "route"))
    assert text == PAGE.replace("  - 2\n", '  - 2\n  priority: "5"\n')
    assert "  {name: b, did: any, \"tier\": 'override', " in set_key(PAGE, 1, "did", "any", ("name", "did"))


def test_a_key_is_taken_out() -> None:
    assert drop_key(PAGE, 0, "when") == PAGE.replace("  when: |\n    09:00-18:00\n", "")
    assert drop_key(PAGE, 1, "tier") == PAGE.replace(", \"tier\": 'override'", "")
    assert drop_key(PAGE, 1, "name") == PAGE.replace("name: b, ", "")


def test_a_rule_goes_with_the_comments_directly_above_it() -> None:
    cut = PAGE[PAGE.index("# at night") : PAGE.index("- name: c")]
    assert remove_rule(PAGE, 1) == PAGE.replace(cut, "")
    assert source_of(PAGE, 1) == cut
    kept = _comments(remove_rule(PAGE, 0))
    assert kept["# the file's own words"] == kept["# at night"] == 1
    assert kept["# by day"] == 0


def test_a_comment_at_the_top_is_the_file_s() -> None:
    assert remove_rule("# all of it\n- name: a\n- name: b\n", 0) == "# all of it\n- name: b\n"


@pytest.mark.parametrize("at", [0, 1, 2, 3, None])
def test_a_rule_is_put_in_its_place(at: int | None) -> None:
    text = add_rule(PAGE, {"name": "new one", "did": ["1", "_X."], "route": {"app": "auto"}}, at, "# why")
    block = '# why\n- name: "new one"\n  did: ["1", "_X."]\n  route: {app: auto}\n'
    assert block in text
    assert _filled(text.replace(block, "")) == _filled(PAGE)
    assert [rule["name"] for rule in _plain(text)].index("new one") == (3 if at is None else at)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "# no line end"])
def test_a_file_without_rules_gets_its_first(text: str) -> None:
    after = add_rule(text, {"name": "a", "route": {"app": "auto"}})
    assert after.startswith(text)
    assert _plain(after) == [{"name": "a", "route": [("app", "auto")]}]


def test_a_file_in_brackets_stays_in_brackets() -> None:
    text = "[{name: a, route: {app: auto}}, {name: b}]"
    assert set_key(text, 0, "did", "1") == '[{name: a, route: {app: auto}, did: "1"}, {name: b}]'
    assert remove_rule(text, 0) == "[{name: b}]"
    assert remove_rule(text, 1) == "[{name: a, route: {app: auto}}]"
    assert add_rule(text, {"name": "x"}, 0) == "[{name: x}, {name: a, route: {app: auto}}, {name: b}]"
    assert source_of(text, 1) == "{name: b}\n"
    assert remove_rule("# all\n[{name: b}]\n", 0) == "# all\n[]\n"
    assert add_rule("# all\n[]\n", {"name": "x"}) == "# all\n[{name: x}]\n"


@pytest.mark.parametrize("text", ["- @x\n", "a: 1\n", "- a\n- b\n", "- &a {name: x}\n- *a\n", "- name: a\n---\n- b\n"])
def test_what_is_no_file_of_rules_is_refused(text: str) -> None:
    with pytest.raises(RulesError, match="; "):
        rules_of(text)


# --- any file --------------------------------------------------------------------------------------------------------

_TEXTS = st.text(st.sampled_from("abcXYZ0189_ .:,-+*&!%@[]{}'\"\\|>?~=é"), max_size=8)
_WORDS = st.text(st.sampled_from("abc09"), min_size=1, max_size=5)
_VALUES = st.recursive(
    _TEXTS,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_WORDS, inner, min_size=1, max_size=3),
    max_leaves=4,
)
_KEYS = ["name", "did", "when", "route", "x"]
_NOTES = st.sampled_from(["", "", "  # note", " # other: [note"])
_BETWEEN = st.sampled_from(["", "", "\n", "    # between - the\n", "# far left\n"])
_ABOVE = st.sampled_from(["", "\n", "# above\n", "\n# apart\n\n# above\n"])


def _scalar(draw: st.DrawFn, text: str) -> str:
    styles = ["'" + text.replace("'", "''") + "'", '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"']
    if re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9_.+]*", text):
        styles.append(text)
    return draw(st.sampled_from(styles))


def _in_brackets(draw: st.DrawFn, value: Any, comma: str = ", ") -> str:
    if isinstance(value, str):
        return _scalar(draw, value)
    if isinstance(value, list):
        return "[" + comma.join(_in_brackets(draw, part) for part in value) + "]"
    return "{" + comma.join(f"{key}: {_in_brackets(draw, part)}" for key, part in value.items()) + " }"


def _value(draw: st.DrawFn, value: Any) -> str:
    """Spell a value behind its key's colon in one of YAML's ways, with comments where they may stand."""
    if isinstance(value, str) or draw(st.booleans()):
        comma = draw(st.sampled_from([", ", " ,  ", ",  # in brackets\n     "]))
        return f" {_in_brackets(draw, value, comma)}{draw(_NOTES)}\n"
    parts = [("-", part) for part in value] if isinstance(value, list) else [(f"{k}:", p) for k, p in value.items()]
    lines = [f"{draw(_BETWEEN)}    {lead} {_in_brackets(draw, part)}{draw(_NOTES)}\n" for lead, part in parts]
    return f"{draw(_NOTES)}\n{''.join(lines)}"


@st.composite
def _files(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", "# top\n", "# top\n\n", "---\n"]))
    for _ in range(draw(st.integers(1, 3))):
        rule = draw(st.dictionaries(st.sampled_from(_KEYS), _VALUES, min_size=1, max_size=4))
        text += draw(_ABOVE)
        if draw(st.integers(0, 3)) == 0:
            text += f"- {_in_brackets(draw, rule)}{draw(_NOTES)}\n"
            continue
        lines = [f"{key}:{_value(draw, value)}" for key, value in rule.items()]
        text += "- " + "  ".join(line + draw(_BETWEEN) for line in lines)
    return text + draw(st.sampled_from(["", "# tail\n", "\n"]))


@settings(max_examples=full_or(100, full=2000), deadline=None)
@given(_files(), st.data())
def test_any_change_of_any_file_says_what_was_meant_and_keeps_every_comment(text: str, data: st.DataObject) -> None:
    before = _plain(text)
    number = data.draw(st.integers(0, len(before) - 1))
    rule = before[number]
    key, value = data.draw(st.sampled_from(_KEYS)), data.draw(_VALUES)
    after = set_key(text, number, key, value, _KEYS)
    comes_out = _plain(after)
    assert comes_out[:number] + comes_out[number + 1 :] == before[:number] + before[number + 1 :]
    assert {name: was for name, was in comes_out[number].items() if name != key} == {
        name: was for name, was in rule.items() if name != key
    }
    assert _comments(after) >= _comments(text)
    assert _comments(add_rule(text, {"name": "new", "x": value}, number)) >= _comments(text)
    if len(rule) > 1:
        left = _plain(drop_key(text, number, next(iter(rule))))
        assert left[number] == dict(list(rule.items())[1:])
    assert _plain(remove_rule(text, number)) == before[:number] + before[number + 1 :]


_CHARACTERS = st.text(alphabet=st.sampled_from(list("ab:-[]{}\"'#&*!|>%@`,? \n\t\\xU0\r")), max_size=60)
_PARTS = """- |-⏎|[|]|{|}|, |name: a|did: b|route: {}|⏎|  |⏎  |# c⏎| # c⏎|'x'|"y"|? |: |  text⏎|---⏎|- - |a: |name:"""
_PIECES = st.lists(
    st.sampled_from(
        [*_PARTS.replace("⏎", "\n").split("|"), "|\n", "\t", "\n- name: b", "!t ", "*a", "&a ", "%", "\r\n"]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=full_or(250, full=10_000), deadline=None)
@given(_CHARACTERS | _PIECES)
def test_no_text_ends_otherwise_than_changed_or_refused(text: str) -> None:
    try:
        rules = rules_of(text)
    except RulesError:
        return
    for number in range(len(rules) + 1):
        with suppress(RulesError):
            add_rule(text, {"name": "x"}, number)
    for number, rule in enumerate(rules):
        source_of(text, number)
        changes = (
            partial(set_key, text, number, "name", ["x"]),
            partial(set_key, text, number, "did", "7", _KEYS),
            partial(remove_rule, text, number),
            *(partial(drop_key, text, number, name.text) for name, _ in rule.pairs),
        )
        for change in changes:
            with suppress(RulesError):
                change()


def test_a_rule_keeps_one_key() -> None:
    with pytest.raises(RulesError, match="use `fallbackrouter rules remove`"):
        drop_key("- name: a\n", 0, "name")
    with pytest.raises(RulesError, match="a key of a rule is no text"):
        set_key("- ? [a]\n  : b\n", 0, "name", "x")
