"""Which calls on record would go elsewhere by other rules: counted, by did and by change, with examples."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fallbackrouter.core.replay import Answer, Recorded, Replay

MAX_EXAMPLES = 3


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
        changes: most calls first.
    """

    calls: int = 0
    elsewhere: int = 0
    by_other_rule: int = 0
    changes: list[Change] = field(default_factory=list)


def backtest(calls: Iterable[Recorded], before: Replay, after: Replay) -> Report:
    """Decide calls by two sets of rules.

    Args:
        calls: newest first.
        before: the rules that serve.
        after: the rules to try.
    """
    report = Report()
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
    return report


def _told(answer: Answer) -> tuple[object, ...]:
    routes = (answer.route, answer.next_route)
    return (answer.source, answer.rule, *(None if route is None else tuple(route.items()) for route in routes))
