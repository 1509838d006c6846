"""The rules: do the files check, and are they what serves?"""

import asyncio

from fallbackrouter.config.load import Loaded
from fallbackrouter.config.rules import check_configured_rules
from fallbackrouter.core.errors import StoreError
from fallbackrouter.doctor.finding import Finding, fail, ok, warn
from fallbackrouter.doctor.place import journal_of
from fallbackrouter.doctor.run import in_thread
from fallbackrouter.rulesfile.check import Checked, Problem
from fallbackrouter.rulesfile.compiled import digest, dump
from fallbackrouter.store.rulesets import Ruleset, latest_ruleset

NAME = "rules"
JOURNAL_S = 6.0
_ALL = "`fallbackrouter rules check` names every problem"


async def check_rules(loaded: Loaded) -> list[Finding]:
    """Look at the rule files and at the rules that were applied last."""
    checked = await in_thread(lambda: check_configured_rules(loaded))
    if not checked.ok:
        return [_errors([problem for problem in checked.problems if problem.severity == "error"])]
    others = await _others_that_serve(loaded, checked)
    findings = [] if others is None else [_differs(others)]
    if checked.problems:
        first = checked.problems[0]
        findings.append(warn(NAME, f"{_place(first)}: {first.what}{_more(len(checked.problems))}", first.remedy))
    return findings or [ok(NAME, f"{len(checked.rules)} rules, all good")]


def _errors(errors: list[Problem]) -> Finding:
    first = errors[0]
    what = f"{_place(first)}: {first.what}{_more(len(errors))}; the rules that were applied last serve on"
    return fail(NAME, what, f"{first.remedy}; {_ALL}")


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}"


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""


def _differs(serving: Ruleset) -> Finding:
    what = "the files differ from the rules that serve"
    if serving.held:
        what += " since a rollback"
    return warn(NAME, what, "`fallbackrouter rules apply` takes the files over; `rules list` shows what serves")


async def _others_that_serve(loaded: Loaded, checked: Checked) -> Ruleset | None:
    """Return the rules that were applied, None where none were, or those that the files hold."""
    try:
        async with asyncio.timeout(JOURNAL_S):
            latest = await in_thread(lambda: latest_ruleset(journal_of(loaded)))
    except (StoreError, TimeoutError):
        return None  # the journal has a check of its own
    return None if latest is None or latest.digest == digest(dump(checked.rules)) else latest
