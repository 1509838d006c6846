"""What is wrong with a rules file: where, what, and what would be right."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

MAKE_FEWER = "make them fewer"
"""The remedy where a bound on a total is exceeded."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file, both counted from 1."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, for the person who edits the file.

    Attributes:
        file: the file's path, as the rules directory was given.
        line: counted from 1; 1 where the file as a whole is meant.
        severity: an error keeps the rules from being used, a warning does not.
        what: what is wrong, one clause.
        remedy: what would be right, one clause.
    """

    file: str
    line: int
    column: int
    severity: Severity
    what: str
    remedy: str

    @property
    def text(self) -> str:
        """The whole as one line."""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.what}; {self.remedy}"


Report = Callable[[Mark, str, str], None]
"""Takes a place of the file at hand, what is wrong there, and the remedy."""


class Findings:
    """Collects problems; past a bound they are counted only, as nobody reads thousands.

    Errors and warnings have a bound each, so that many warnings leave no error unsaid.
    """

    MAX = 1_000

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.errors = 0
        self.warnings = 0
        self.more = 0

    def add(self, file: str, mark: Mark, what: str, remedy: str, severity: Severity = "error") -> None:
        """Take one problem."""
        self.errors += severity == "error"
        self.warnings += severity == "warning"
        if (self.errors if severity == "error" else self.warnings) > self.MAX:
            self.more += 1
            return
        self.problems.append(Problem(file, mark.line, mark.column, severity, what, remedy))

    def in_order(self) -> tuple[Problem, ...]:
        """Return all problems by file and place, with a last one that says how many more there are."""
        found = sorted(self.problems, key=lambda problem: (problem.file, problem.line, problem.column))
        if self.more:
            severity: Severity = "error" if self.errors else "warning"
            found.append(Problem(found[-1].file, 1, 1, severity, f"{self.more:,} more problems", "correct these first"))
        return tuple(found)

    def within(self, file: str, severity: Severity = "error") -> Report:
        """Return a Report for one file."""
        return lambda mark, what, remedy: self.add(file, mark, what, remedy, severity)
