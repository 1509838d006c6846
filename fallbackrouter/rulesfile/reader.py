"""One rule of a file -> a RuleSpec; every problem of the rule is reported, not the first alone."""

import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from fallbackrouter.core.call import ReadNumber, is_stage
from fallbackrouter.core.errors import ScheduleError
from fallbackrouter.core.nearest import nearest, write_instead
from fallbackrouter.core.route import MAX_RULE_CHARS, Gate, Route, printable
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.rulesfile.dates import DateLists, read_dates
from fallbackrouter.rulesfile.keys import one_text, read_pairs, texts
from fallbackrouter.rulesfile.lists import Lists
from fallbackrouter.rulesfile.moment import read_moment
from fallbackrouter.rulesfile.numbers import NumbersReader
from fallbackrouter.rulesfile.placed import Placed
from fallbackrouter.rulesfile.problem import Mark, Report
from fallbackrouter.rulesfile.routes import Destination, RoutesReader
from fallbackrouter.rulesfile.rules import LoadZone
from fallbackrouter.rulesfile.specs import MAX_PRIORITY, TIERS, NumbersSpec, RuleSpec
from fallbackrouter.rulesfile.tree import Node, Table

KEYS = (
    "name",
    "tier",
    "did",
    "caller",
    "stage",
    "when",
    "dates",
    "except",
    "timezone",
    "valid_until",
    "priority",
    "route",
    "routes",
)

_PRIORITY = re.compile(r"[+-]?[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class Setup:
    """What rules are checked against.

    Attributes:
        gate: what a route may hold.
        read_number: text -> Number, with the region.
        load_zone: a zone's name -> the zone, None where there is none such.
        default_zone: the zone of rules that name none.
        lists: reads `@file` of numbers.
        date_lists: reads `@file` of days.
        destination: where a route's app lies in the dialplan.
        taken: (tier, name) -> the place of the rule that has it.
    """

    gate: Gate
    read_number: ReadNumber
    load_zone: LoadZone
    default_zone: str
    lists: Lists
    date_lists: DateLists
    destination: Destination
    taken: dict[tuple[str, str], str]


def read_rule(node: Node, setup: Setup, report: Report, warn: Report, file: Path) -> Placed | None:
    """Read one rule.

    Args:
        report: takes errors.
        warn: takes warnings.
        file: where the rule stands.

    Returns:
        None where something of it is wrong; it has been reported then.
    """
    if not isinstance(node, Table):
        report(node.mark, "this is not a rule", "begin each rule with `- name: …`, its other keys below")
        return None
    reader = _Reader(node, setup, report, warn)
    spec = reader.rule(f"{file.name}:{node.mark.line}")
    return None if reader.failed else Placed(spec, node.mark, tuple(reader.window_marks), str(file))


class _Reader:
    """Reads one rule, key by key."""

    def __init__(self, table: Table, setup: Setup, report: Report, warn: Report) -> None:
        self._at = table.mark
        self._setup = setup
        self._tell = report
        self._warn = warn
        self.failed = False
        self.window_marks: list[Mark] = []
        self._pairs = read_pairs(table, self._report)

    def _report(self, mark: Mark, what: str, remedy: str) -> None:
        self.failed = True
        self._tell(mark, what, remedy)

    def rule(self, place: str) -> RuleSpec:
        """Read all keys; after a report the values are of no use."""
        for name, (mark, _) in self._pairs.items():
            if name not in KEYS:
                self._report(mark, f'unknown key "{printable(name)}"', write_instead(name, KEYS))
        route, second = self._routes()
        name, tier, timezone = self._name(), self._tier(), self._timezone()
        self._refuse_second(tier, name, place)
        return RuleSpec(
            name=name,
            tier=tier,
            variables=route.variables,
            functions=route.functions,
            next_variables=second.variables if second else (),
            did=self._numbers("did"),
            caller=self._numbers("caller"),
            stages=self._stages(),
            windows=self._windows(),
            dates=read_dates("dates", self._pairs, self._setup.date_lists, self._report),
            except_dates=read_dates("except", self._pairs, self._setup.date_lists, self._report),
            timezone=timezone,
            priority=self._priority(),
            valid_until=self._valid_until(timezone),
            place=place,
        )

    def _name(self) -> str:
        if "name" not in self._pairs:
            self._report(self._at, "the rule has no name", "write name: with a name that no other rule has")
        scalar = one_text(self._pairs, "name", self._report)
        if scalar is None:
            return ""
        name = scalar.text
        if len(name) > MAX_RULE_CHARS:
            self._report(scalar.mark, f"the name has {len(name)} characters", f"use at most {MAX_RULE_CHARS}")
        elif printable(name) != name or ('"' in name and not self._setup.gate.keep_quotes):
            self._report(scalar.mark, "the name holds a line break, a control character or a quote", "take it out")
        return name

    def _refuse_second(self, tier: str, name: str, place: str) -> None:
        """A name is how FR_RULE and `explain` point at a rule, so each tier has it once."""
        if name and (tier, name) in self._setup.taken:
            what = f'another {printable(tier)} rule is called "{printable(name)}": {self._setup.taken[tier, name]}'
            self._report(self._pairs["name"][1].mark, what, "give each rule of a tier a name of its own")
        self._setup.taken.setdefault((tier, name), place)

    def _tier(self) -> str:
        scalar = one_text(self._pairs, "tier", self._report)
        if scalar is None:
            return TIERS[0]
        if scalar.text not in TIERS:
            self._report(scalar.mark, f'unknown tier "{printable(scalar.text)}"', write_instead(scalar.text, TIERS))
        return scalar.text

    def _numbers(self, key: str) -> NumbersSpec:
        if key not in self._pairs:
            return NumbersSpec(any=True)
        reader = NumbersReader(key, self._setup.read_number, self._setup.lists, self._report)
        return reader.read(texts(self._pairs, key, self._report))

    def _stages(self) -> tuple[str, ...]:
        scalars = texts(self._pairs, "stage", self._report)
        for scalar in scalars:
            if not is_stage(scalar.text):
                what = f'"{printable(scalar.text)}" is no stage'
                self._report(scalar.mark, what, "use 1 to 32 of a-z, 0-9 and _, such as init")
        return tuple(dict.fromkeys(scalar.text for scalar in scalars))

    def _windows(self) -> tuple[str, ...]:
        scalars = texts(self._pairs, "when", self._report)
        self.window_marks = [scalar.mark for scalar in scalars]
        for scalar in scalars:
            try:
                parse_window(scalar.text)
            except ScheduleError as error:
                reason, _, remedy = str(error).partition("; ")
                what = f'when "{printable(scalar.text)}": {reason}'
                self._report(scalar.mark, what, remedy or 'write it as in "09:00-18:00,mon-fri,*,*"')
        return tuple(scalar.text for scalar in scalars)

    def _timezone(self) -> str:
        scalar = one_text(self._pairs, "timezone", self._report)
        if scalar is None:
            return self._setup.default_zone
        if self._setup.load_zone(scalar.text) is None:
            meant = nearest(scalar.text, available_timezones()) or "a name such as Europe/Moscow"
            self._report(scalar.mark, f'unknown time zone "{printable(scalar.text)}"', f"write {meant}")
        return scalar.text

    def _valid_until(self, timezone: str) -> str:
        scalar = one_text(self._pairs, "valid_until", self._report)
        if scalar is None:
            return ""
        moment = read_moment(scalar.text, self._setup.load_zone(timezone))
        if moment is None:
            what = f'valid_until "{printable(scalar.text)}" is no moment'
            self._report(scalar.mark, what, 'write date and time, as in "2026-03-08 18:00"')
            return ""
        return moment.isoformat()

    def _priority(self) -> int:
        scalar = one_text(self._pairs, "priority", self._report)
        if scalar is None:
            return 0
        if not _PRIORITY.fullmatch(scalar.text) or abs(int(scalar.text)) > MAX_PRIORITY:
            what = f'priority "{printable(scalar.text)}" is no whole number within ±{MAX_PRIORITY:,}'
            self._report(scalar.mark, what, "write one such as 10; the higher wins, 0 is the default")
            return 0
        return int(scalar.text)

    def _routes(self) -> tuple[Route, Route | None]:
        setup = self._setup
        return RoutesReader(self._pairs, self._at, setup.gate, setup.destination, self._report, self._warn).read()
