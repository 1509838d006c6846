"""Every command and every option is in docs/cli.md, and the page names no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fallbackrouter.cli.main import app

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command's words, with its options but `--help`, `--config` and `--json`."""
    root = typer.main.get_command(app)
    yield from below(root, "")


def below(group: Any, before: str) -> Iterator[tuple[str, list[str]]]:
    for name, command in group.commands.items():
        words = f"{before} {name}".strip()
        if hasattr(command, "commands"):
            yield from below(command, words)
        else:
            yield words, [option for parameter in command.params for option in parameter.opts if option[:2] == "--"]


def section(words: str) -> str:
    found = re.search(rf"^### `fallbackrouter {re.escape(words)}\b(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found.group(0) if found else ""


@pytest.mark.parametrize(("words", "options"), list(commands()))
def test_a_command_is_documented_with_its_options(words: str, options: list[str]) -> None:
    text = section(words)
    assert text, f"docs/cli.md has no section for `fallbackrouter {words}`"
    missing = [option for option in options if option != "--config" and not re.search(rf"{option}\b", text)]
    assert not missing


def test_the_page_names_no_command_that_is_not_there() -> None:
    there = {words for words, _ in commands()}
    named = {match.strip() for match in re.findall(r"^### `fallbackrouter ([a-z ]+)", PAGE, re.MULTILINE)}
    assert named == there
