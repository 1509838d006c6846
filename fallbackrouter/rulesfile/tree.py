"""YAML text -> a tree of texts, lists and tables that knows each part's place. Uses ruamel's event stream alone.

Its rules:

- every scalar is text: `0100` keeps its zero, `no` stays `no`;
- anchors, aliases and tags are refused, so nothing can be expanded or constructed;
- size, line length, depth and number of values are bounded, most of them before ruamel sees the text;
- what was whole before a syntax error is kept, so that its problems show in the same run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from fallbackrouter.rulesfile.problem import Mark, Report
from fallbackrouter.rulesfile.syntax import explain

MAX_DEPTH = 8
MAX_LINE_CHARS = 100_000
MAX_EVENTS = 600_000

_CONTROL = re.compile(
    r"[^\t\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""Beside YAML's own list: what would make lines, or their direction, look otherwise than they are."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; empty where the file gives none."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, with keys as they came: repeated ones too."""

    pairs: tuple[tuple["Node", "Node"], ...]
    mark: Mark


Node = Scalar | Items | Table


class _StoppedError(Exception):
    """The rest of the file is not worth reading; the reason has been reported."""


@dataclass(slots=True)
class _Open:
    """A list or table whose end has not come yet."""

    mark: Mark
    is_table: bool
    parts: list[Node] = field(default_factory=list)

    def close(self) -> Node:
        if not self.is_table:
            return Items(tuple(self.parts), self.mark)
        pairs = zip(self.parts[::2], self.parts[1::2], strict=False)
        return Table(tuple((key, _placed(key, value)) for key, value in pairs), self.mark)


def _placed(key: Node, value: Node) -> Node:
    """Return the value; an empty one is placed at its key, as ruamel points at the next line."""
    return Scalar("", key.mark) if isinstance(value, Scalar) and not value.text else value


def read_tree(text: str, report: Report) -> Node | None:
    """Read one YAML document.

    Args:
        text: hostile; at most files.MAX_FILE_BYTES.
        report: takes every problem found.

    Returns:
        The root, or None where the document is empty. After a syntax error: the outermost list or table with the
        parts that were whole.
    """
    if not _fits(text, report):
        return None
    builder = _Builder(report)
    try:
        for event in _events(text):
            builder.take(event)
    except _StoppedError:
        pass
    except MarkedYAMLError as error:
        what, remedy = explain(error.problem or error.context or "")
        report(_place(error), what, remedy)
    except (YAMLError, ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" ends in chr()'s own error, without a place.
        report(Mark(), "this is not YAML", "look for an unusual escape in a quoted text")
    return builder.root


def _fits(text: str, report: Report) -> bool:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE_CHARS:
            report(Mark(number), f"the line has more than {MAX_LINE_CHARS:,} characters", "break it into several")
            return False
        control = _CONTROL.search(line)
        if control:
            report(Mark(number, control.start() + 1), "there is a control character here", "remove it")
            return False
    return True


def _events(text: str) -> Iterator[Any]:
    yaml = YAML(typ="safe", pure=True)
    yield from yaml.parse(text)


def _place(error: MarkedYAMLError) -> Mark:
    """Return where it went wrong; for what was never closed, where it was opened."""
    opened = error.context_mark if "flow" in (error.context or "") or "quoted" in (error.context or "") else None
    mark = opened or error.problem_mark
    return _mark(mark) if mark else Mark()


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


class _Builder:
    """Builds the tree from ruamel's events."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._open: list[_Open] = []
        self._done: Node | None = None
        self._events = 0
        self._documents = 0

    @property
    def root(self) -> Node | None:
        """The tree as far as it is whole."""
        return self._open[0].close() if self._open else self._done

    def take(self, event: Any) -> None:
        """Take the next event."""
        self._events += 1
        mark = _mark(event.start_mark)
        if self._events > MAX_EVENTS:
            self._stop(mark, "the file holds too many values", "split it into several files")
        match type(event).__name__:
            case "ScalarEvent":
                self._refuse_extras(event, mark)
                self._add(Scalar(event.value, mark))
            case "AliasEvent":
                self._refuse_alias(event, mark)
            case "SequenceStartEvent" | "MappingStartEvent" as name:
                self._refuse_extras(event, mark)
                self._enter(mark, is_table=name == "MappingStartEvent")
            case "SequenceEndEvent" | "MappingEndEvent":
                self._add(self._open.pop().close())
            case "DocumentStartEvent":
                self._start_document(mark)

    def _start_document(self, mark: Mark) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(mark, "a second document begins here", "remove the line with ---")

    def _enter(self, mark: Mark, *, is_table: bool) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(mark, "lists or tables are nested too deeply here", "remove the brackets that are too many")
        self._open.append(_Open(mark, is_table))

    def _add(self, node: Node) -> None:
        if self._open:
            self._open[-1].parts.append(node)
        else:
            self._done = node

    def _refuse_alias(self, event: Any, mark: Mark) -> None:
        remedy = f'write the value itself, and a text that begins with * in quotes: "*{event.anchor}"'
        self._report(mark, f"*{event.anchor} is an alias to YAML, which rules do not use", remedy)
        self._add(Scalar(f"*{event.anchor}", mark))

    def _refuse_extras(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            self._report(mark, f"&{event.anchor} is an anchor to YAML, which rules do not use", "write the value out")
        if event.tag is not None:
            self._report(mark, f"{event.tag} is a tag to YAML, which rules do not use", "put the text in quotes")

    def _stop(self, mark: Mark, what: str, remedy: str) -> None:
        self._report(mark, what, remedy)
        raise _StoppedError
