"""How values of rules are written into a file: texts in quotes where a reader could take them for something else."""

import json
import re
from collections.abc import Mapping, Sequence

Value = str | Sequence["Value"] | Mapping[str, "Value"]
"""A text, a list, or a table; what a key of a rule may hold."""

_PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n)\Z)[a-z][a-z0-9_]*|[A-Z][a-z]+/[A-Z][A-Za-z_]+")
_NEVER = {char: f"\\u{ord(char):04x}" for char in "\x7f\x85\u2028\u2029\ufeff"}
"""JSON leaves these as they are; a line break or nothing at all is what YAML makes of them."""


def spell(value: Value) -> str:
    """Return a value in one line of YAML.

    A text of a plain word stands as it is, any other in double quotes, as YAML knows all of JSON's escapes.
    """
    if isinstance(value, str):
        return spell_text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{spell_key(key)}: {spell(one)}" for key, one in value.items()) + "}"
    return "[" + ", ".join(spell(one) for one in value) + "]"


def spell_text(text: str) -> str:
    """Return a text, in quotes where it is no plain word."""
    if _PLAIN.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(_NEVER.get(char, char) for char in quoted)


def spell_key(name: str) -> str:
    """Return a key; function names such as CALLERID(name) need no quotes."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*(\([a-z]+\))?", name) else spell_text(name)


def spell_rule(keys: Mapping[str, Value], indent: int = 0) -> str:
    """Return a rule as lines of a list that stands so far from the left."""
    lines = [f"{name}: {spell(value)}" for name, value in keys.items()]
    blanks = " " * indent
    return f"{blanks}- " + f"\n{blanks}  ".join(lines) + "\n"
