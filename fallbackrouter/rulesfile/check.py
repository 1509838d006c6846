"""Checking all rules files of a directory in one run: the rules, or every problem with its place and remedy.

Its rules: files in name order, rules in file order; with one error no rule is handed out, so that nothing half-checked
can serve; never in a call worker, as ruamel takes its time.
"""

from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.route import Gate, Route
from fallbackrouter.core.tier import OVERRIDE
from fallbackrouter.rulesfile.compiled import MAX_BODY_BYTES, dump
from fallbackrouter.rulesfile.dates import DateLists
from fallbackrouter.rulesfile.files import MAX_FILE_BYTES, UnreadableError, list_rules, read_text
from fallbackrouter.rulesfile.lists import Lists
from fallbackrouter.rulesfile.placed import Placed
from fallbackrouter.rulesfile.problem import MAKE_FEWER, Findings, Mark, Problem
from fallbackrouter.rulesfile.reader import Setup, read_rule
from fallbackrouter.rulesfile.remarks import remark
from fallbackrouter.rulesfile.routes import Destination
from fallbackrouter.rulesfile.rules import LoadZone
from fallbackrouter.rulesfile.specs import MAX_PATTERNS, MAX_RULES, RuleSpec
from fallbackrouter.rulesfile.tree import Items, Node, Scalar, read_tree

__all__ = ["Checked", "Problem", "check_rules"]

MAX_TOTAL_BYTES = 20_000_000
MAX_DATES = 1_000_000
"""The most dates that all rules name together, a list counted for each rule that names it."""
MAX_NUMBERS = 4_000_000
"""The most numbers and patterns that all rules name together, a list counted for each rule that names it."""


def _nowhere(_route: Route) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        rules: in their order; empty where there is any error.
        problems: by file and place.
    """

    rules: tuple[RuleSpec, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """There is no error; warnings may be."""
        return all(problem.severity != "error" for problem in self.problems)


def check_rules(
    directory: Path,
    *,
    gate: Gate,
    read_number: ReadNumber,
    load_zone: LoadZone,
    default_zone: str,
    destination: Destination = _nowhere,
) -> Checked:
    """Check every rules file of a directory.

    Args:
        gate: what a route may hold; a variable that it does not know is an error here.
        read_number: text -> Number, with the region.
        load_zone: a zone's name -> the zone, None where there is none such.
        default_zone: the zone of rules that name none, "" for the machine's.
        destination: a route -> its place in the dialplan by `[destinations]`, "" where its app is not mapped.

    Never raises: what cannot be read is a problem too.
    """
    findings = Findings()
    setup = Setup(
        gate,
        read_number,
        load_zone,
        default_zone,
        Lists(directory, read_number, findings),
        DateLists(directory, findings),
        destination,
        {},
    )
    run = _Run(directory, setup, findings)
    run.check_all()
    return Checked(() if findings.errors else tuple(run.rules), findings.in_order())


class _Run:
    """One check of one directory."""

    def __init__(self, directory: Path, setup: Setup, findings: Findings) -> None:
        self._directory = directory
        self._setup = setup
        self._findings = findings
        self._numbers = 0
        self._dates = 0
        self._patterns: set[str] = set()
        self._read = 0
        self._full = False
        self._placed: list[Placed] = []
        self.rules: list[RuleSpec] = []

    def check_all(self) -> None:
        """Check every file."""
        where = str(self._directory)
        try:
            listing = list_rules(self._directory)
        except UnreadableError as error:
            self._findings.add(where, Mark(), str(error), error.remedy)
            return
        for path in listing.paths:
            self._check_file(path)
        if listing.missing:
            remedy = "make it, or set rules.dir; until then no rule is in force"
            self._findings.add(where, Mark(), "there is no such directory", remedy, "warning")
        elif not self.rules and not self._findings.errors:
            self._findings.add(where, Mark(), "there are no rules here", "write some into a .yaml file", "warning")
        self._remark()
        if not self._findings.errors and len(dump(self.rules)) > MAX_BODY_BYTES:
            self._findings.add(where, Mark(), "the rules hold too many numbers together", "shorten the lists")

    def _remark(self) -> None:
        remark(
            self._placed,
            load_zone=self._setup.load_zone,
            read_number=self._setup.read_number,
            warn=lambda file, mark, what, remedy: self._findings.add(file, mark, what, remedy, "warning"),
            where=str(self._directory),
            whole=not self._findings.errors,
        )

    def _check_file(self, path: Path) -> None:
        if self._full:
            return
        file = str(path)
        try:
            text = read_text(path, MAX_FILE_BYTES)
        except UnreadableError as error:
            self._findings.add(file, Mark(error.line), str(error), error.remedy)
            return
        self._read += len(text)
        if self._read > MAX_TOTAL_BYTES:
            self._stop(file, Mark(), f"the rules files hold more than {MAX_TOTAL_BYTES // 1_000_000} MB together")
            return
        root = read_tree(text, self._findings.within(file))
        for node in self._nodes(root, file):
            self._check_rule(node, path)

    def _nodes(self, root: Node | None, file: str) -> tuple[Node, ...]:
        if root is None or (isinstance(root, Scalar) and not root.text):
            return ()
        if not isinstance(root, Items):
            self._findings.add(file, root.mark, "the file is no list of rules", "begin each rule with `- `")
            return ()
        return root.items

    def _check_rule(self, node: Node, path: Path) -> None:
        if self._full:
            return
        if len(self.rules) >= MAX_RULES:
            self._stop(str(path), node.mark, f"there are more than {MAX_RULES:,} rules")
            return
        report, warn = self._findings.within(str(path)), self._findings.within(str(path), "warning")
        placed = read_rule(node, self._setup, report, warn, path)
        if placed is not None:
            self._take(placed)

    def _take(self, placed: Placed) -> None:
        spec, at, file = placed.spec, placed.at, placed.file
        self._numbers += sum(len(part.exact) + len(part.patterns) for part in (spec.did, spec.caller))
        if self._numbers > MAX_NUMBERS:
            self._stop(file, at, f"the rules name more than {MAX_NUMBERS:,} numbers together")
            return
        self._dates += len(spec.dates.days) + len(spec.except_dates.days)
        if self._dates > MAX_DATES:
            self._stop(file, at, f"the rules name more than {MAX_DATES:,} dates together")
            return
        self._patterns.update(spec.did.patterns, spec.caller.patterns)
        if len(self._patterns) > MAX_PATTERNS:
            self._stop(file, at, f"the rules name more than {MAX_PATTERNS:,} different patterns together")
            return
        if spec.tier == OVERRIDE and _takes_all(spec):
            what = f'override "{spec.name}" takes every call away from the CRM'
            self._findings.add(file, at, what, "name a did, a caller or a when, unless this is meant", "warning")
        self.rules.append(spec)
        self._placed.append(placed)

    def _stop(self, file: str, at: Mark, what: str) -> None:
        self._full = True
        self._findings.add(file, at, what, MAKE_FEWER)


def _takes_all(spec: RuleSpec) -> bool:
    return spec.did.any and spec.caller.any and not (spec.windows or spec.stages or spec.dates.days)
