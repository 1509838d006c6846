"""Changes of one rule in a file's text: every character that does not belong to the change stays as it is.

Its rules: what comes out is read again and compared with what was meant, so a text that these edits do not understand
is refused and never spoilt; comments outlive the value that they stood in; the comment lines directly above a rule are
that rule's own, and go with it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from fallbackrouter.core.errors import RulesError
from fallbackrouter.rulesfile.places import column, comments_in, dash, lead, line_end, line_start
from fallbackrouter.rulesfile.problem import Mark
from fallbackrouter.rulesfile.spans import Span, read_spans
from fallbackrouter.rulesfile.spell import Value, spell, spell_key, spell_rule
from fallbackrouter.rulesfile.tree import read_tree

_BLANK = re.compile(r"[ \t]*\r?\n")


def rules_of(text: str) -> tuple[Span, ...]:
    """Return the rules of a file, in their order.

    Raises:
        RulesError: the text cannot be read as rules.
    """
    root = _root(text)
    if root is None or (root.kind == "text" and not root.text):
        return ()
    if root.kind != "list" or any(part.kind != "table" for part in root.parts):
        raise RulesError("the file is no list of rules; begin each rule with `- `")
    if any(name.kind != "text" for rule in root.parts for name, _ in rule.pairs):
        raise RulesError("a key of a rule is no text; write `key: value`")
    return root.parts


@lru_cache(maxsize=4)
def _root(text: str) -> Span | None:
    """Read a text once for all that is asked of it: ruamel takes its time."""

    def refuse(mark: Mark, what: str, remedy: str) -> None:
        raise RulesError(f"line {mark.line}: {what}; {remedy}")

    read_tree(text, refuse)
    return read_spans(text)


def _in_brackets(text: str) -> bool:
    """Tell whether the list of rules itself is written in brackets."""
    root = _root(text)
    return root is not None and root.kind == "list" and root.flow


def set_key(text: str, number: int, key: str, value: Value, order: Sequence[str] = ()) -> str:
    """Give a key of a rule a value.

    Args:
        number: the rule's, counted from 0.
        order: of keys; a new one stands behind the last of those before it that the rule has.

    Raises:
        RulesError: the file is written in a way that this cannot be done in.
    """
    rule = rules_of(text)[number]
    pairs = _plain_pairs(rule)
    meant = [(name, _plain(value) if name == key else was) for name, was in pairs]
    if rule.value(key) is not None:
        return _checked(text, _replaced(text, rule, key, spell(value)), number, meant)
    place = _place_of(key, [name for name, _ in pairs], order)
    meant.insert(place, (key, _plain(value)))
    return _checked(text, _with_key(text, rule, place, f"{spell_key(key)}: {spell(value)}"), number, meant)


def drop_key(text: str, number: int, key: str) -> str:
    """Take a key out of a rule that has it.

    Raises:
        RulesError: as for `set_key`.
    """
    rule = rules_of(text)[number]
    names = [name.text for name, _ in rule.pairs]
    if len(names) == 1:
        raise RulesError(f"the rule has no key but {key}; use `fallbackrouter rules remove`")
    meant = [pair for pair in _plain_pairs(rule) if pair[0] != key]
    return _checked(text, _without_key(text, rule, names.index(key)), number, meant)


def remove_rule(text: str, number: int) -> str:
    """Take a rule out, with the comment lines directly above it.

    Raises:
        RulesError: as for `set_key`.
    """
    rules = rules_of(text)
    rule = rules[number]
    if _in_brackets(text):
        after = _without_part(text, rules, number)
    else:
        start, end = lead(text, rule), line_end(text, rule.end)
        blank_above = start == 0 or _BLANK.fullmatch(text[line_start(text, start - 1) : start]) is not None
        blank_below = _BLANK.match(text, end)
        after = text[:start] + text[blank_below.end() if blank_above and blank_below else end :]
    return _checked(text, after, number, None)


def add_rule(text: str, keys: Mapping[str, Value], at: int | None = None, above: str = "") -> str:
    """Put a rule into a file.

    Args:
        at: the number that it gets, counted from 0; None: the last.
        above: comment lines to stand above it, each with its `#`.

    Raises:
        RulesError: as for `set_key`.
    """
    rules = rules_of(text)
    place = len(rules) if at is None else at
    if _in_brackets(text):
        after = _with_part(text, rules, place, spell(keys))
    else:
        after = _with_rule(text, rules, place, keys, above)
    return _checked(text, after, place, [(name, _plain(value)) for name, value in keys.items()], added=True)


def source_of(text: str, number: int) -> str:
    """Return a rule as it stands in the file, with the comment lines directly above it."""
    rule = rules_of(text)[number]
    if _in_brackets(text):
        return text[rule.start : rule.end] + "\n"
    return text[lead(text, rule) : line_end(text, rule.end)]


# --- what the result has to be ---------------------------------------------------------------------------------------


def _checked(before: str, after: str, number: int, meant: Any, *, added: bool = False) -> str:
    """Return the text, once it is known to say what was meant: the rule like that (None: gone), others as before."""
    rules = [rule.plain for rule in rules_of(before)]
    rules[number : number + (not added)] = [] if meant is None else [meant]
    try:
        comes_out = [rule.plain for rule in rules_of(after)]
    except RulesError:
        comes_out = None
    if comes_out != rules:
        raise RulesError("the file is written in a way that only an editor can change; use `rules edit NAME` alone")
    return after


def _plain_pairs(rule: Span) -> list[tuple[Any, Any]]:
    return [(name.plain, value.plain) for name, value in rule.pairs]


def _plain(value: Value) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return [(key, _plain(one)) for key, one in value.items()]
    return [_plain(one) for one in value]


# --- keys ------------------------------------------------------------------------------------------------------------


def _replaced(text: str, rule: Span, key: str, spelled: str) -> str:
    name, value = next(pair for pair in rule.pairs if pair[0].text == key)
    colon = text.index(":", name.end) + 1
    comments = comments_in(text, colon, value.end, value)
    after = f"{text[:colon]} {spelled}{text[value.end :]}"
    if not comments or rule.flow:
        return after
    line = line_start(text, name.start)
    first = dash(text, rule) >= line
    at, indent = (line, " " * column(text, dash(text, rule))) if first else (line, text[line : name.start])
    return after[:at] + "".join(f"{indent}{comment}\n" for comment in comments) + after[at:]


def _place_of(key: str, names: Sequence[str], order: Sequence[str]) -> int:
    before = set(order[: order.index(key)]) if key in order else set(names)
    return max((place for place, name in enumerate(names, 1) if name in before), default=len(names))


def _with_key(text: str, rule: Span, place: int, spelled: str) -> str:
    end = rule.parts[2 * place - 1].end
    if rule.flow:
        return f"{text[:end]}, {spelled}{text[end:]}"
    at = line_end(text, end)
    line_break = "" if text[:at].endswith("\n") else "\n"
    return f"{text[:at]}{line_break}{' ' * column(text, rule.start)}{spelled}\n{text[at:]}"


def _without_key(text: str, rule: Span, place: int) -> str:
    parts = rule.parts
    name, value = parts[2 * place], parts[2 * place + 1]
    if rule.flow and place:
        return text[: parts[2 * place - 1].end] + text[value.end :]
    if rule.flow or dash(text, rule) >= line_start(text, name.start):
        return text[: name.start] + text[parts[2 * place + 2].start :]
    return text[: line_start(text, name.start)] + text[line_end(text, value.end) :]


# --- rules -----------------------------------------------------------------------------------------------------------


def _without_part(text: str, rules: Sequence[Span], number: int) -> str:
    if number:
        return text[: rules[number - 1].end] + text[rules[number].end :]
    behind = rules[1].start if len(rules) > 1 else rules[0].end
    return text[: rules[0].start] + text[behind:]


def _with_part(text: str, rules: Sequence[Span], place: int, spelled: str) -> str:
    if place:
        end = rules[place - 1].end
        return f"{text[:end]}, {spelled}{text[end:]}"
    if rules:
        return f"{text[: rules[0].start]}{spelled}, {text[rules[0].start :]}"
    inside = text.index("[", 0 if (root := _root(text)) is None else root.start) + 1
    return f"{text[:inside]}{spelled}{text[inside:]}"


def _with_rule(text: str, rules: Sequence[Span], place: int, keys: Mapping[str, Value], above: str) -> str:
    indent = column(text, dash(text, rules[0])) if rules else 0
    blanks = " " * indent
    lines = "".join(f"{blanks}{line}\n" for line in above.splitlines()) + spell_rule(keys, indent)
    at = lead(text, rules[place]) if place < len(rules) else len(text)
    if place == 0 and rules:
        at = line_start(text, dash(text, rules[0])) if at == 0 else at
    before, behind = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += "\n"
    airy = place == len(rules) and bool(before) and not before.endswith("\n\n")
    return before + ("\n" if airy else "") + lines + ("\n" if behind else "") + behind
