"""Rules as they would be: a draft of one file, or the files as they are saved; nothing is changed here."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from fallbackrouter.admin.house import House
from fallbackrouter.jobs.rules_back import way_back
from fallbackrouter.jobs.rules_differ import Difference, differences
from fallbackrouter.office import rules
from fallbackrouter.office.rule_files import check_draft
from fallbackrouter.rulesfile.check import Checked, Problem


async def check(house: House, file: str, text: str) -> Checked:
    """Check a draft; with no file the files as they are saved.

    Raises:
        RulesError: it is no name of a file of rules, or too long.
    """
    return await house.slow.run(_checked, house, file, text)


async def compare(house: House, file: str, text: str) -> list[Difference]:
    """Return what sets a draft apart from the rules that serve.

    Raises:
        UncheckedError: the draft does not check.
    """

    def found() -> list[Difference]:
        serving = rules.serving_rules(house.office) or ()
        return differences(serving, rules.good(_checked(house, file, text)))

    return await house.slow.run(found)


async def compare_back(house: House, number: int) -> tuple[int, list[Difference]]:
    """Return the number of the rules that serve, and what sets those of another number apart from them.

    Raises:
        RulesError: there are no rules of that number.
    """

    def found() -> tuple[int, list[Difference]]:
        way = way_back(house.office.journal, number)
        return way.serving, differences(way.before, way.after)

    return await house.slow.run(found)


async def backtest(
    house: House, file: str, text: str, *, last: int | None = None, since: datetime | None = None
) -> dict[str, Any]:
    """Return which calls on record would go elsewhere by a draft; raises as `compare` does."""

    def report() -> dict[str, Any]:
        tried = rules.good(_checked(house, file, text))
        return rules.report_json(rules.backtest(house.office, tried, last=last, since=since))

    return await house.slow.run(report)


def told(checked: Checked) -> dict[str, Any]:
    """Return what a check found for readers: `ok`, `rules`, `problems`."""
    return {**problems_told(checked.problems), "ok": checked.ok, "rules": len(checked.rules)}


def problems_told(problems: Iterable[Problem]) -> dict[str, Any]:
    """Return problems of rules that do not check, as `told` does.

    They name a file by its name alone: where the folder lies is nobody's business who only writes rules.
    """
    rows = [rules.problem_json(one) for one in problems]
    named = [{**problem, "file": Path(problem["file"]).name} for problem in rows]
    return {"ok": False, "rules": 0, "problems": named}


def _checked(house: House, file: str, text: str) -> Checked:
    office = house.office
    return check_draft(office, file, text) if file else office.check(office.rules_dir)
