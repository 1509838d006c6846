"""The `dates` and `except` of a rule -> texts of days: written out, or `@file` with one day or range a line.

A key that is there but names no day is an error: without it the rule would hold on every day.
"""

from pathlib import Path

from fallbackrouter.core.dates import parse_dates
from fallbackrouter.core.errors import ScheduleError
from fallbackrouter.core.route import printable
from fallbackrouter.rulesfile.files import UnreadableError
from fallbackrouter.rulesfile.keys import Pairs, texts
from fallbackrouter.rulesfile.listfile import read_lines
from fallbackrouter.rulesfile.problem import Findings, Mark, Report
from fallbackrouter.rulesfile.specs import NO_DATES, DatesSpec
from fallbackrouter.rulesfile.tree import Scalar

MAX_LINES = 10_000
MAX_PROBLEMS = 20
"""So many bad lines of one list are named; more would hide the problems of other files."""


class DateLists:
    """Reads each list of days once, however many rules name it.

    Args:
        findings: takes the problems of lines.
    """

    def __init__(self, directory: Path, findings: Findings) -> None:
        self._directory = directory
        self._findings = findings
        self._read: dict[str, tuple[str, ...] | UnreadableError] = {}

    def read(self, name: str) -> tuple[str, ...]:
        """Return the days of a list; lines that name none are reported and left out.

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

    def _read_once(self, name: str) -> tuple[str, ...] | UnreadableError:
        file = str(self._directory / name)
        days: list[str] = []
        bad = 0
        try:
            for number, line in read_lines(self._directory, name, MAX_LINES):
                try:
                    days.append(parse_dates(line).text)
                except ScheduleError as error:
                    bad += 1
                    if bad <= MAX_PROBLEMS:
                        self._findings.add(file, Mark(number), *_parted(error))
        except UnreadableError as error:
            return error
        if bad > MAX_PROBLEMS:
            self._findings.add(file, Mark(), f"{bad - MAX_PROBLEMS:,} more lines name no day", "correct them too")
        return tuple(dict.fromkeys(days))


def read_dates(key: str, pairs: Pairs, lists: DateLists, report: Report) -> DatesSpec:
    """Read `dates` or `except`; what names no day is reported."""
    if key not in pairs:
        return NO_DATES
    scalars = texts(pairs, key, report)
    named = [_days(key, scalar, lists, report) for scalar in scalars]
    if scalars and all(days == () for days in named):
        report(pairs[key][0], f"{key} names no day", f"write one as 2026-01-01, or leave {key} out")
    if len(named) == 1:
        return DatesSpec(days=named[0] or ())  # a list that stands alone is one object in all its rules
    return DatesSpec(days=tuple(dict.fromkeys(day for days in named for day in days or ())))


def _days(key: str, scalar: Scalar, lists: DateLists, report: Report) -> tuple[str, ...] | None:
    """Return the days that a text names, None where a problem was reported."""
    try:
        if scalar.text.startswith("@"):
            return lists.read(scalar.text[1:].strip())
        return (parse_dates(scalar.text).text,)
    except UnreadableError as error:
        report(scalar.mark, f"{key}: list {printable(scalar.text)}: {error}", error.remedy)
    except ScheduleError as error:
        what, remedy = _parted(error)
        report(scalar.mark, f"{key}: {what}", remedy)
    return None


def _parted(error: ScheduleError) -> tuple[str, str]:
    what, _, remedy = printable(str(error), 400).partition("; ")
    return what, remedy
