"""Where each part of a rules file stands in its text, so that one part can be changed and every other character stays.

For text that `tree.read_tree` has read without a problem: bounded, and without anchors, aliases and tags.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ruamel.yaml import YAML

Kind = Literal["text", "list", "table"]

_STARTS: dict[str, Kind] = {"SequenceStartEvent": "list", "MappingStartEvent": "table"}


@dataclass(frozen=True, slots=True)
class Span:
    """A value of the file, and where it stands.

    Attributes:
        start: of its first character, counted from 0.
        end: behind its last character; blanks and comments behind it are not its own.
        flow: it is written in brackets.
        text: of a text.
        parts: of a list its items, of a table its keys and values in turn.
    """

    kind: Kind
    start: int
    end: int
    flow: bool = False
    text: str = ""
    parts: tuple["Span", ...] = ()

    @property
    def pairs(self) -> Iterator[tuple["Span", "Span"]]:
        """The keys and values of a table."""
        return zip(self.parts[::2], self.parts[1::2], strict=True)

    def value(self, key: str) -> "Span | None":
        """Return the value of a table's key, None where it has none."""
        return next((value for name, value in self.pairs if name.text == key), None)

    def leaves(self) -> Iterator["Span"]:
        """Yield the texts in it, in their order."""
        if self.kind == "text":
            yield self
        for part in self.parts:
            yield from part.leaves()

    @property
    def plain(self) -> Any:
        """The value without its place: a text, a list, or the pairs of a table."""
        if self.kind == "text":
            return self.text
        if self.kind == "list":
            return [part.plain for part in self.parts]
        return [(key.plain, value.plain) for key, value in self.pairs]


@dataclass(slots=True)
class _Open:
    """A list or table whose end has not come yet."""

    kind: Kind
    start: int
    flow: bool
    parts: list[Span] = field(default_factory=list)

    def close(self, end: int) -> Span:
        # ruamel ends a block where the next thing begins; it ends with its last part.
        last = end if self.flow or not self.parts else self.parts[-1].end
        return Span(self.kind, self.start, last, self.flow, parts=tuple(self.parts))


def read_spans(text: str) -> Span | None:
    """Return the root of a file's values, None where it has none.

    Args:
        text: in which `tree.read_tree` has found no problem.
    """
    opened: list[_Open] = []
    for event in YAML(typ="safe", pure=True).parse(text):
        name = type(event).__name__
        start, end = event.start_mark.index, event.end_mark.index
        if name in _STARTS:
            opened.append(_Open(_STARTS[name], start, bool(event.flow_style)))
            continue
        if name == "ScalarEvent":
            done = _text(text, start, end, event.value)
        elif name in ("SequenceEndEvent", "MappingEndEvent"):
            done = opened.pop().close(end)
        else:
            continue
        if not opened:
            return done
        opened[-1].parts.append(_placed(done, opened[-1], text))
    return None


def _text(text: str, start: int, end: int, value: str) -> Span:
    # The blank lines behind a `|` text are no one's.
    return Span("text", start, start + len(text[start:end].rstrip()), text=value)


def _placed(part: Span, table: _Open, text: str) -> Span:
    """Return the part; an empty value is placed behind its key's colon, as ruamel points at whatever comes next."""
    if table.kind == "table" and len(table.parts) % 2 and part.kind == "text" and part.start == part.end:
        behind = text.find(":", table.parts[-1].end) + 1 or table.parts[-1].end
        return Span("text", behind, behind)
    return part
