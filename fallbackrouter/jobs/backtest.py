"""Which calls on record would go elsewhere by other rules: counted, by did and by change, with examples."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.core.numbers import WITHHELD, Number
from fallbackrouter.core.policy import Policies
from fallbackrouter.core.replay import Answer, Recorded, Replay
from fallbackrouter.core.route import Route
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.core.tier import FALLBACK, OVERRIDE
from fallbackrouter.store.moments import from_ms
from fallbackrouter.store.recorded import RecordedRow

MAX_EXAMPLES = 3
MAX_DIDS = 10_000
"""Of so many dids is kept whether their rules ask who calls."""
DidOf = Callable[[str], tuple[Number, bool]]
_HIDDEN = re.compile(r"\d*\*{3,}|h:[a-p]{16}")
"""A caller's number that the journal hides by now, in part or by a pseudonym."""


@dataclass(slots=True)
class Change:
    """Calls to one did that change in the same way.

    Attributes:
        calls: how many.
        examples: the newest of them.
    """

    did: str
    before: Answer
    after: Answer
    calls: int = 0
    examples: list[Recorded] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What a backtest found.

    Attributes:
        calls: that were decided anew.
        elsewhere: of them, those that would go elsewhere.
        by_other_rule: those that another rule or tier would send to the same place.
        hidden: those whose caller the journal hides by now, where a rule asks who calls.
        changes: most calls first.
    """

    calls: int = 0
    elsewhere: int = 0
    by_other_rule: int = 0
    hidden: int = 0
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Backtest:
    """Decides calls by the rules that serve and by others.

    Attributes:
        serving: the rules that serve.
        tried: the rules to try.
        has_crm: a CRM is configured.
    """

    serving: tuple[Rule, ...]
    tried: tuple[Rule, ...]
    policies: Policies
    last_resort: Route
    read_number: ReadNumber
    has_crm: bool

    def run(self, rows: Iterable[RecordedRow]) -> Report:
        """Decide every call twice, and tell the difference."""
        report = Report()
        before, after = self._replay(self.serving), self._replay(self.tried)

        @lru_cache(maxsize=MAX_DIDS)
        def did_of(text: str) -> tuple[Number, bool]:
            """Return a did, and whether anybody asks who calls it: reading a caller's number takes its time."""
            did = self.read_number(text)
            return did, before.asks_who_calls(did) or after.asks_who_calls(did)

        compare(self._calls(rows, did_of, report), before, after, report)
        return report

    def _replay(self, rules: tuple[Rule, ...]) -> Replay:
        override, fallback = (Rulebook(rule for rule in rules if rule.tier == tier) for tier in (OVERRIDE, FALLBACK))
        return Replay(override, fallback, self.policies, self.last_resort, has_crm=self.has_crm)

    def _calls(self, rows: Iterable[RecordedRow], did_of: DidOf, report: Report) -> Iterator[Recorded]:
        for row in rows:
            did, asks_who_calls = did_of(row.did)
            caller = self.read_number(row.caller) if asks_who_calls else WITHHELD
            report.hidden += asks_who_calls and _HIDDEN.fullmatch(row.caller) is not None
            call = Call(did=did, caller=caller, stage=row.stage)
            answer = Answer(row.source, row.rule, row.route, row.next_route or None)
            yield Recorded(row.id, from_ms(row.at_ms), call, answer, row.asked, row.live_missed, row.caller)


def compare(calls: Iterable[Recorded], before: Replay, after: Replay, report: Report) -> None:
    """Decide calls by two sets of rules, and note the difference.

    Args:
        calls: newest first.
        before: the rules that serve.
        after: the rules to try.
    """
    changes: dict[tuple[object, ...], Change] = {}
    for call in calls:
        report.calls += 1
        was, will_be = before.decide(call), after.decide(call)
        if was.place == will_be.place:
            report.by_other_rule += (was.source, was.rule) != (will_be.source, will_be.rule)
            continue
        report.elsewhere += 1
        key = (call.call.did.key, *_told(was), *_told(will_be))
        change = changes.setdefault(key, Change(call.call.did.raw, was, will_be))
        change.calls += 1
        if len(change.examples) < MAX_EXAMPLES:
            change.examples.append(call)
    report.changes = sorted(changes.values(), key=lambda change: (-change.calls, change.did))


def _told(answer: Answer) -> tuple[object, ...]:
    routes = (answer.route, answer.next_route)
    return (answer.source, answer.rule, *(None if route is None else tuple(route.items()) for route in routes))
