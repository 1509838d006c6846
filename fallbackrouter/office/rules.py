"""The rules as people see them: those that serve, those of the files, what sets them apart, and what was before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fallbackrouter.clock import load_zone
from fallbackrouter.core.errors import RulesError, StoreError
from fallbackrouter.core.order import entries
from fallbackrouter.core.replay import Answer, Recorded
from fallbackrouter.core.rule import Rule
from fallbackrouter.core.tier import DEFAULT_ORDER
from fallbackrouter.jobs.backtest import Backtest, Report
from fallbackrouter.jobs.rules_differ import differences, plain
from fallbackrouter.office.office import Office
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.compiled import dump, load, load_specs
from fallbackrouter.rulesfile.desk import UncheckedError
from fallbackrouter.rulesfile.problem import Problem
from fallbackrouter.rulesfile.specs import RuleSpec
from fallbackrouter.store.hits import Hits, count_hits
from fallbackrouter.store.recorded import MAX_ROWS, recorded_rows
from fallbackrouter.store.rulesets import latest_ruleset, ruleset, ruleset_files, ruleset_numbers

DAYS = 7
"""Of so many days are the hits."""
LAST = 10_000
"""So many calls a backtest takes where nothing else is said."""

Json = dict[str, Any]


def serving_rules(office: Office) -> tuple[RuleSpec, ...] | None:
    """Return the rules that serve (or would at a start with broken files); None before a first start."""
    if not office.journal.exists():
        return None
    latest = latest_ruleset(office.journal)
    return None if latest is None else load_specs(latest.body)


def problem_json(problem: Problem) -> Json:
    """Return a problem for programs."""
    return {name: getattr(problem, name) for name in ("file", "line", "column", "severity", "what", "remedy")}


def good(checked: Checked) -> tuple[RuleSpec, ...]:
    """Return the rules of files that check.

    Raises:
        UncheckedError: they do not.
    """
    if not checked.ok:
        raise UncheckedError(checked.problems)
    return checked.rules


def difference_rows(before: Sequence[RuleSpec], after: Sequence[RuleSpec]) -> Iterator[Json]:
    """Yield what sets two sets of rules apart, rule by rule, for programs."""
    for one in differences(before, after):
        facts = {"change": one.kind, "tier": one.tier, "name": one.name, "keys": list(one.keys)}
        yield {"v": 1, **facts, "before": plain(one.before), "after": plain(one.after)}


def backtest(office: Office, tried: Sequence[RuleSpec], *, last: int | None, since: datetime | None) -> Report:
    """Tell which calls on record would go elsewhere by other rules. Blocking: seconds.

    Args:
        last: the newest calls; None: all since the moment, or the latest `LAST` without one.

    Raises:
        FallbackrouterError: the journal cannot be read.
    """
    test = Backtest(
        serving=_rules(serving_rules(office) or ()),
        tried=_rules(tried),
        policies=office.policies,
        last_resort=office.last_resort,
        read_number=office.read_number,
        has_crm=office.has_crm,
    )
    return test.run(recorded_rows(office.journal, last=last or (MAX_ROWS if since else LAST), since=since))


def _rules(specs: Sequence[RuleSpec]) -> tuple[Rule, ...]:
    return load(dump(tuple(specs)), load_zone)


def report_json(report: Report) -> Json:
    """Return what a backtest found for programs."""
    counts = {name: getattr(report, name) for name in ("calls", "elsewhere", "by_other_rule", "hidden")}
    return {"v": 1, **counts, "changes": list(_changes(report))}


def _changes(report: Report) -> Iterator[Json]:
    for change in report.changes:
        examples = [{"id": call.decision_id, "at": moment_of(call), "caller": call.caller} for call in change.examples]
        before, after = _answer(change.before), _answer(change.after)
        yield {"did": change.did, "calls": change.calls, "before": before, "after": after, "examples": examples}


def moment_of(call: Recorded) -> str:
    """Return when a call came."""
    return call.at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _answer(answer: Answer) -> Json:
    return {"source": answer.source, "rule": answer.rule, "route": answer.route, "next": answer.next_route}


def history(journal: Path) -> Iterator[Json]:
    """Yield the rules that were applied, newest first; the newest serve."""
    for place, number in enumerate(ruleset_numbers(journal)):
        one = ruleset(journal, number)
        if one is None:
            continue  # a newer one has just pushed it out
        try:
            count: int | None = len(load_specs(one.body))
        except RulesError:
            count = None
        files = "kept" if ruleset_files(journal, number) is not None else "not kept"
        at = one.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        yield {"number": number, "at": at, "rules": count, "by": one.note, "serves": place == 0, "files": files}


def hits_of(office: Office, now: datetime) -> Hits:
    """Return how often each rule gave the route in the last days; none before a first start."""
    try:
        return count_hits(office.journal, now - timedelta(days=DAYS))
    except StoreError:
        return Hits({})  # before a first start nothing has decided; a damaged journal is told of by others


def rule_rows(specs: Sequence[RuleSpec], hits: Hits) -> list[Json]:
    """Return rules for people, in the order in which they win."""
    return [_row(number, spec, hits) for number, spec in enumerate(in_winning_order(specs), 1)]


def in_winning_order(specs: Sequence[RuleSpec]) -> list[RuleSpec]:
    """Return the rules as they win: overrides first, then by the most specific of each rule's conditions."""

    def place(numbered: tuple[int, Rule]) -> tuple[object, ...]:
        number, rule = numbered
        keys = [entry.key for entry in entries(rule, number)]
        # A rule whose list is empty can never win, and stands last.
        return DEFAULT_ORDER.index(rule.tier), not keys, min(keys, default=())

    return [specs[number] for number, _ in sorted(enumerate(_rules(specs)), key=place)]


def _row(number: int, spec: RuleSpec, hits: Hits) -> Json:
    until = f" until {spec.valid_until.removesuffix('+00:00')}Z" if spec.valid_until else ""
    return {
        "order": number,
        "tier": spec.tier,
        "name": spec.name,
        "priority": spec.priority,
        "did": spec.did.describe(),
        "caller": spec.caller.describe(),
        "stage": ", ".join(spec.stages) or "any",
        "when": spec.when + until,
        "route": ", then ".join(_fields(route) for route in (spec.route, spec.next_route) if route),
        "hits": hits.by_rule.get((spec.tier, spec.name), 0),
        "place": spec.place,
    }


def _fields(route: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in route.items())
