"""`@file`: lists of numbers that rules name by their file, one number or pattern a line.

Each file is read once, however many rules name it; it lies inside the rules directory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.pattern import Pattern
from fallbackrouter.core.selector import Selector, SelectorError
from fallbackrouter.rulesfile.files import UnreadableError
from fallbackrouter.rulesfile.listfile import read_lines
from fallbackrouter.rulesfile.problem import MAKE_FEWER, Findings, Mark
from fallbackrouter.rulesfile.specs import MAX_PATTERNS

MAX_LINES = 1_000_000
MAX_PROBLEMS = 20
"""So many bad lines of one list are named; more would hide the problems of other files."""


@dataclass(frozen=True, slots=True)
class NumberList:
    """What a list names.

    Attributes:
        keys: keys of numbers, sorted.
        patterns: text -> pattern, in the file's order.
    """

    keys: tuple[str, ...]
    patterns: Mapping[str, Pattern]


class Lists:
    """Reads lists of one rules directory.

    Args:
        findings: takes the problems of lines.
    """

    def __init__(self, directory: Path, read_number: ReadNumber, findings: Findings) -> None:
        self._directory = directory
        self._read_number = read_number
        self._findings = findings
        self._read: dict[str, NumberList | UnreadableError] = {}

    def read(self, name: str) -> NumberList:
        """Return what a list names; lines that name nothing are reported and left out.

        Args:
            name: the path after `@`, relative to the rules directory.

        Raises:
            UnreadableError: it lies outside, or cannot be read as a whole.
        """
        if name not in self._read:
            self._read[name] = self._read_once(name)
        found = self._read[name]
        if isinstance(found, UnreadableError):
            raise found
        return found

    def _read_once(self, name: str) -> NumberList | UnreadableError:
        try:
            return self._numbers(read_lines(self._directory, name, MAX_LINES), str(self._directory / name))
        except UnreadableError as error:
            return error

    def _numbers(self, lines: Iterable[tuple[int, str]], file: str) -> NumberList:
        selector = Selector(self._read_number)
        bad = 0
        for number, text in lines:
            try:
                selector.add_number(text)
            except SelectorError as error:
                bad += 1
                if bad <= MAX_PROBLEMS:
                    self._findings.add(file, Mark(number), str(error), error.remedy)
            if len(selector.patterns) > MAX_PATTERNS:
                self._findings.add(file, Mark(number), f"the list has more than {MAX_PATTERNS:,} patterns", MAKE_FEWER)
                break
        if bad > MAX_PROBLEMS:
            self._findings.add(file, Mark(), f"{bad - MAX_PROBLEMS:,} more lines name no number", "correct them too")
        return NumberList(tuple(sorted(selector.keys)), selector.patterns)
