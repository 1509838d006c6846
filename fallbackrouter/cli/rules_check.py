"""`rules check`: every problem of the rule files, for people, for programs, and for GitHub's annotations."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fallbackrouter.cli.options import ConfigOption, JsonOption
from fallbackrouter.cli.output import say
from fallbackrouter.cli.rules_serve import check_files, tell_problems
from fallbackrouter.cli.rules_uncovered import uncovered_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fallbackrouter.rulesfile.problem import Problem

WORKSPACE = "GITHUB_WORKSPACE"
"""The variable that names the checkout in GitHub's runners."""


class Form(StrEnum):
    """How problems are told."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


FormOption = Annotated[
    Form, typer.Option("--format", help="text; json: an object a line; github: annotations of a workflow's run.")
]


def check(form: FormOption = Form.TEXT, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check every rule file and name every problem, with its place and its remedy."""
    from fallbackrouter.cli.house import open_house

    if as_json and form is Form.GITHUB:
        raise typer.BadParameter("--json and --format github exclude each other; give one of them")
    as_json = as_json or form is Form.JSON
    house = open_house(config)
    checked = check_files(house)
    problems = [*checked.problems, *uncovered_numbers(house, checked.rules)]
    if form is Form.GITHUB:
        _annotate(problems)
    else:
        tell_problems(problems, as_json=as_json)
    if not checked.ok:
        raise typer.Exit(1)
    if not as_json:
        say(f"{house.rules_dir}: {len(checked.rules)} rules, {_verdict(problems)}")


def _verdict(warnings: "Sequence[Problem]") -> str:
    if not warnings:
        return "all good"
    return f"no errors, {len(warnings)} {'warning' if len(warnings) == 1 else 'warnings'}"


def _annotate(problems: "Sequence[Problem]") -> None:
    root = Path(os.path.abspath(os.environ.get(WORKSPACE) or "."))  # noqa: PTH100 - links stay, as in git
    for problem in problems:
        say(annotation(problem, root))


def annotation(problem: "Problem", root: Path) -> str:
    """Return a problem as GitHub's runners read it from a step's output.

    Args:
        root: the repository; files below it are named from there on, others by their whole path.

    Source: GitHub Docs, "Workflow commands for GitHub Actions"; the escapes are those of actions/toolkit.
    """
    path = Path(os.path.abspath(problem.file))  # noqa: PTH100 - links stay, as in git
    file = path.relative_to(root) if path.is_relative_to(root) else path
    facts = {"file": str(file), "line": str(problem.line), "col": str(problem.column)}
    properties = ",".join(f"{name}={_property(value)}" for name, value in facts.items())
    return f"::{problem.severity} {properties}::{_data(f'{problem.what}; {problem.remedy}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
