"""Plain values -> TOML text, for the template and for `config show`."""

import json
from collections.abc import Mapping

_EXACT = 1e15
"""Below this a whole number is spelled the same as a float and as an integer."""


def toml_value(value: object) -> str:
    """Spell a value; tables inline."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
        return str(int(value)) if whole else repr(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def toml_key(key: str) -> str:
    """Spell a key, in quotes where it needs them."""
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else toml_value(key)


def toml_text(tables: Mapping[str, object]) -> str:
    """Spell a whole file: plain keys first, then a table each, lists of tables last; None is left out."""
    lines = [f"{toml_key(key)} = {toml_value(value)}" for key, value in tables.items() if not _is_table(value)]
    for key, value in tables.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{toml_key(key)}]", *_pairs(value)]
    for key, value in tables.items():
        if isinstance(value, list) and _is_table(value):
            for entry in value:
                lines += ["", f"[[{toml_key(key)}]]", *_pairs(entry)]
    return "\n".join(lines)


def _is_table(value: object) -> bool:
    is_list = isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)
    return isinstance(value, Mapping) or is_list


def _pairs(table: Mapping[str, object]) -> list[str]:
    return [f"{toml_key(key)} = {toml_value(value)}" for key, value in table.items() if value is not None]
