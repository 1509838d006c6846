"""The header block that Asterisk opens a FastAGI connection with: bytes in, an Environment or "need more" out.

- It is `name: value` lines and then a blank one; each ends in a line feed (a carriage return before it is tolerated).
- It begins with `agi_`; whatever begins otherwise (HTTP, TLS, noise) is refused at its first byte that differs.
- Of two lines with one name the first counts, so that a line feed smuggled into a later value replaces nothing.
- Arguments are the lines `agi_arg_1`, `agi_arg_2`, ... in this order, and the last ones; from where they are not,
  they are left out.

Source: res/res_agi.c, setup_env and launch_netscript.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from fallbackrouter.core.errors import AgiError

MAX_BYTES = 16_384
"""The most bytes of a header block, its blank line included."""
MAX_LINES = 200
"""The most lines of a header block."""

_PREFIX = b"agi_"
_ARG = "agi_arg_"
_ARG_NAMES = [f"{_ARG}{number}" for number in range(1, MAX_LINES + 1)]
_USEFUL = frozenset({"agi_network_script", "agi_request", "agi_uniqueid", "agi_channel"})


class HeaderTooBigError(AgiError):
    """A header block beyond MAX_BYTES or MAX_LINES."""


class Environment(Struct, frozen=True):
    """What a header block says.

    Attributes:
        script: the path of the AGI URL with its query string and without its leading slash, "" where it has none.
        values: name -> value of every line, arguments included, as Asterisk sends it (absent numbers: `unknown`).
        args: the arguments, in order.
        notes: what was left out, in plain words.
    """

    script: str
    values: Mapping[str, str]
    args: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_environment(block: bytes) -> Environment:
    """Read a whole header block, with or without its blank line; bytes that are no UTF-8 become U+FFFD.

    Raises:
        AgiError: it is too big, or nothing in it is AGI's.
    """
    if len(block) > MAX_BYTES:
        raise HeaderTooBigError(f"the header block is larger than {MAX_BYTES} bytes")
    text = block.decode("utf-8", "replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    lines = text.rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise HeaderTooBigError(f"the header block has more than {MAX_LINES} lines")
    pairs = [line.split(": ", 1) for line in lines]
    try:
        values = dict(pairs)
    except ValueError:
        return _read_irregular(lines)
    if len(values) != len(pairs):
        return _read_irregular(lines)
    names = list(values)
    first_arg = names.index("agi_arg_1") if "agi_arg_1" in values else len(names)
    if names[first_arg:] != _ARG_NAMES[: len(names) - first_arg]:
        return _read_irregular(lines)
    _check_useful(values)
    args = tuple(values.values())[first_arg:]
    return Environment(values.get("agi_network_script", ""), values, args)


def _read_irregular(lines: Iterable[str]) -> Environment:
    """Read lines of which some are none of Asterisk's, come twice or in no order of Asterisk's."""
    values: dict[str, str] = {}
    names: list[str] = []
    odd = 0
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and value[:1] in {"", " "}:
            values.setdefault(name, value[1:])
            names.append(name)
        else:
            odd += 1
    _check_useful(values)
    args = _trusted_args(names, values)
    notes = [f"{odd} header lines were no lines of AGI's"] if odd else []
    if len(values) != len(names):
        notes.append("of header lines with one name the first counts")
    if len(args) != sum(name.startswith(_ARG) for name in values):
        notes.append("arguments that were not in order are left out")
    return Environment(values.get("agi_network_script", ""), values, args, tuple(notes))


def _trusted_args(names: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the arguments before the first one that is out of order or comes twice."""
    first = next((at for at, name in enumerate(names) if name.startswith(_ARG)), len(names))
    count = 0
    while names[first + count : first + count + 1] == _ARG_NAMES[count : count + 1] and count < MAX_LINES:
        count += 1
    astray = [_ARG_NAMES.index(name) for name in names[first + count :] if name in _ARG_NAMES]
    return tuple(values[name] for name in _ARG_NAMES[: min([count, *astray])])


def _check_useful(values: Mapping[str, str]) -> None:
    if _USEFUL.isdisjoint(values):
        raise AgiError("the header block names no script, no call and no channel")


class HeaderReader:
    """Takes a connection's first bytes in pieces of any size, until the header block is whole.

    Attributes:
        tail: bytes that came behind the blank line.
    """

    def __init__(self) -> None:
        self._held = b""
        self._whole = False
        self.tail = b""

    def feed(self, data: bytes) -> Environment | None:
        """Take some bytes.

        Returns:
            The Environment as soon as its blank line is there, None before; bytes fed later only lengthen `tail`.

        Raises:
            AgiError: the peer does not speak AGI, or not within our bounds.
        """
        if self._whole:
            self.tail += data
            return None
        searched = max(0, len(self._held) - 2)
        self._held += data
        held = self._held
        if not held.startswith(_PREFIX[: len(held)]):
            raise AgiError("the peer does not speak AGI: its first bytes are not agi_")
        end, after = _blank_line(held, searched)
        if end < 0:
            if len(held) >= MAX_BYTES:
                raise HeaderTooBigError(f"the header block is larger than {MAX_BYTES} bytes")
            return None
        if after > MAX_BYTES:
            raise HeaderTooBigError(f"the header block is larger than {MAX_BYTES} bytes")
        self._whole = True
        self.tail = held[after:]
        return read_environment(held[:end])


def _blank_line(held: bytes, searched: int) -> tuple[int, int]:
    """Return where the blank line begins and ends; (-1, -1) without one."""
    plain = held.find(b"\n\n", searched)
    returned = held.find(b"\n\r\n", searched, plain + 1 if plain >= 0 else len(held))
    if returned >= 0:
        return returned + 1, returned + 3
    return (plain + 1, plain + 2) if plain >= 0 else (-1, -1)
