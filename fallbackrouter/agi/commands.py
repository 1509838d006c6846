r"""How AGI commands are spelled, so that Asterisk reads back exactly what was meant.

- A command is one line: a line feed, a carriage return or a NUL in it is refused, never escaped.
- An argument stands in quotes; in it `"` and `\` have a backslash before them (res_agi.c, parse_args).
- In ARRAY's value list `, ( ) [ ] " \` have a backslash before them as well (app.c, __ast_app_separate_args).
- Names are checked here once more: `SET VARIABLE NAME(args)` writes dialplan functions, so a name is a way in.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

MAX_LINE_BYTES = 2_000
"""Lines stay under this, the line feed included; Asterisk 22 splits at 8,191 bytes, older ones take less."""
MAX_NAMES = 99
"""The most names that one ARRAY sets; Asterisk puts all further values into the hundredth."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_FUNCTION = re.compile(r"[A-Z][A-Z0-9_]{0,31}\([A-Za-z0-9_,:.-]{0,64}\)")
_UNSPEAKABLE = re.compile(r"[\n\r\x00\ud800-\udfff]")
_SEPARATORS = '\\,()[]"'
"""What ends or opens something in a list; the backslash first, as it is what the others get."""


def quote(text: str) -> str:
    """Spell one argument.

    Raises:
        ValueError: the text holds a line feed, a carriage return, a NUL or half a surrogate pair.
    """
    if not text.isprintable() and _UNSPEAKABLE.search(text):
        raise ValueError("a value with a line feed, a NUL or a surrogate cannot be said in AGI")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def set_array(pairs: Iterable[tuple[str, str]]) -> str:
    """Spell the command that sets all these variables at once, whole or not at all.

    Raises:
        ValueError: no names or more than MAX_NAMES, a name that is none, a value that cannot be said, or too long.
    """
    names, values = zip(*pairs, strict=True)
    return set_values(array_name(names), values)


def set_values(array: str, values: Sequence[str]) -> str:
    """Spell the same command, the names spelled by `array_name` already.

    Raises:
        ValueError: a value that cannot be said, or too long.
    """
    return _bounded(f"SET VARIABLE {array} {quote(_listed(values))}")


def array_text(values: Sequence[str]) -> str:
    """Spell values for `Set(ARRAY(...)=...)`, where a dialplan gets them by other ways than AGI.

    Raises:
        ValueError: a value that cannot be said, or too long.
    """
    text = _listed(values)
    if not text.isprintable() and _UNSPEAKABLE.search(text):
        raise ValueError("a value with a carriage return, a NUL or a surrogate cannot be said")
    return _bounded(text)


def _listed(values: Sequence[str]) -> str:
    """Escape values and join them with commas."""
    text = "\n".join(values)
    if text.count("\n") != len(values) - 1:
        raise ValueError("a value with a line feed cannot be said in AGI")
    return _escape(text).replace("\n", ",")


def set_function(name: str, value: str) -> str:
    """Spell the command that writes a dialplan function, such as `CALLERID(name)`.

    Raises:
        ValueError: the name is none, the value cannot be said, or too long.
    """
    if not _FUNCTION.fullmatch(name):
        raise ValueError(f"{name!r} is no dialplan function that an answer may write")
    return _bounded(f"SET VARIABLE {name} {quote(value)}")


@lru_cache(maxsize=64)
def array_name(names: Sequence[str]) -> str:
    """Spell `ARRAY(name,name,...)`; kept, as a service sets the same names for every call.

    Raises:
        ValueError: as set_array.
    """
    if len(names) > MAX_NAMES:
        raise ValueError(f"one answer sets at most {MAX_NAMES} variables, not {len(names)}")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no variable's name")
    return f"ARRAY({','.join(names)})"


def _escape(text: str) -> str:
    """Put a backslash before all that means something in a list."""
    for char in _SEPARATORS:
        if char in text:
            text = text.replace(char, f"\\{char}")
    return text


def _bounded(line: str) -> str:
    size = len(line) if line.isascii() else len(line.encode())
    if size + 1 >= MAX_LINE_BYTES:
        raise ValueError(f"an AGI line of {size} bytes is too long")
    return line
