"""The other side of FastAGI: what Asterisk sends, and how it reads a command. For `ask`, doctor and benchmarks.

Source: res_agi.c (setup_env, parse_args), app.c (__ast_app_separate_args), func_strings.c (ARRAY).
"""

import re
from collections.abc import Mapping, Sequence

from fallbackrouter.core.errors import AgiError

OK_REPLY = b"200 result=1\n"
"""What Asterisk replies to SET VARIABLE."""

_SET = "SET VARIABLE "
_ARRAY = re.compile(r"ARRAY\((.*)\)")
_LINE_ENDS = re.compile(r"[\r\n\x00]")


def header_block(
    script: str,
    args: Sequence[str],
    *,
    caller: str = "",
    call_id: str,
    channel: str = "",
    context: str = "",
    extension: str = "",
    dnid: str = "",
    more: Mapping[str, str] | None = None,
) -> bytes:
    """Return the header block of a call, its blank line included.

    Args:
        script: the URL's path, without its leading slash.
        caller: "" for a withheld number, which Asterisk spells `unknown`; dnid alike.
        more: further lines, name -> value.
    """
    lines = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1/{script}",
        "agi_channel": channel,
        "agi_uniqueid": call_id,
        "agi_callerid": caller or "unknown",
        "agi_calleridname": "unknown",
        "agi_dnid": dnid or "unknown",
        "agi_rdnis": "unknown",
        "agi_context": context,
        "agi_extension": extension,
        "agi_priority": "1",
        **(more or {}),
    }
    lines.update({f"agi_arg_{number}": value for number, value in enumerate(args, 1)})
    text = "".join(f"{name}: {_LINE_ENDS.sub(' ', value)}\n" for name, value in lines.items())
    return f"{text}\n".encode("utf-8", "replace")


def read_command(line: bytes) -> dict[str, str]:
    """Read a `SET VARIABLE` line as Asterisk would; for ARRAY, every name with its value.

    Raises:
        AgiError: it is no such line.
    """
    words = split_words(line.decode("utf-8", "replace").removesuffix("\n"))
    if [word.upper() for word in words[:2]] != _SET.split() or len(words) != 4:  # noqa: PLR2004 - SET VARIABLE NAME VALUE
        raise AgiError("the peer sent something else than SET VARIABLE")
    name, value = words[2:]
    array = _ARRAY.fullmatch(name)
    if array is None:
        return {name: value}
    names, values = split_list(array[1]), split_list(value)
    values.extend([""] * (len(names) - len(values)))
    return dict(zip(names, values, strict=False))


def split_words(line: str) -> list[str]:
    """Split a command into words: blanks part them, quotes hold them together, a backslash takes the next as it is."""
    words: list[str] = []
    word: list[str] | None = None
    quoted = escaped = False
    for char in line:
        if char == "\\" and not escaped:
            escaped = True
            continue
        if char == '"' and not escaped:
            quoted = not quoted
            word = [] if word is None else word
            continue
        if char in " \t" and not quoted and not escaped:
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        word.append(char)
        escaped = False
    if word is not None:
        words.append("".join(word))
    return words


def split_list(text: str) -> list[str]:
    """Split a list at its commas, but for those in brackets or quotes or behind a backslash; "" is an empty list."""
    if not text:
        return []
    values: list[list[str]] = [[]]
    depth = {"(": 0, "[": 0}
    opened_by = {")": "(", "]": "["}
    quoted = False
    chars = iter(text)
    for char in chars:
        if char == "\\":
            values[-1].append(next(chars, ""))
            continue
        if char == '"':
            quoted = not quoted
            continue
        if char in depth:
            depth[char] += 1
        elif char in opened_by:
            depth[opened_by[char]] = max(0, depth[opened_by[char]] - 1)
        elif char == "," and not quoted and not any(depth.values()):
            values.append([])
            continue
        values[-1].append(char)
    return ["".join(value) for value in values]
