"""docs/operations.md tells of every log line of the daemon and every command of the control socket."""

import ast
import configparser
import re
from pathlib import Path

import pytest

from fallbackrouter.config.settings import Settings
from fallbackrouter.daemon import commands

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SOURCES = [
    *sorted((ROOT / "fallbackrouter/daemon").glob("*.py")),
    ROOT / "fallbackrouter/daemon/behind/alerts.py",
    ROOT / "fallbackrouter/daemon/behind/delivery.py",
    ROOT / "fallbackrouter/daemon/behind/dialplan.py",
    *(ROOT / "fallbackrouter/daemon/behind" / name for name in ("calls.py", "exchange.py", "reconcile.py")),
    *(
        ROOT / "fallbackrouter/jobs" / name
        for name in ("addresses_save.py", "alerts.py", "reconcile.py", "rules_apply.py", "rules_watch.py", "upkeep.py")
    ),
]
ELSEWHERE = {"call_house.py", "call_sources.py", "live_crm.py"}
"""Their lines tell of the journal and the CRM, not of processes."""


def log_events() -> list[str]:
    """Return what log lines say: the longest fixed part of each, up to where a sentence goes on."""
    found = []
    for source in SOURCES:
        if source.name in ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                name = ast.unparse(node.func)
                if re.search(r"log\b.*\.(info|warning|error)$", name):
                    found.append(fixed_part(node.args[0]))
    return [text for text in found if text]


def fixed_part(text: ast.expr) -> str:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    fixed = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return re.split(r"[;:]", max(fixed, key=len))[0].strip() if fixed else ""


def test_log_lines_are_found_at_all() -> None:
    assert len(log_events()) >= 18


@pytest.mark.parametrize("event", log_events())
def test_every_log_line_is_explained(event: str) -> None:
    assert event in PAGE


def test_every_command_is_explained() -> None:
    known = re.findall(
        r'^            "(\w+)": self\._', Path(commands.__file__).read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(known) >= 7
    assert [command for command in known if f"| `{command}` |" not in PAGE] == []


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # as configparser's own documentation does it
    parser.read(ROOT / "docs/examples/systemd" / name, encoding="utf-8")
    return parser


def test_the_units_are_what_the_page_says() -> None:
    service, socket = unit("fallbackrouter.service"), unit("fallbackrouter.socket")
    assert service["Service"]["Type"] == "notify"
    assert int(service["Service"]["WatchdogSec"]) >= 10
    assert "timeout:1 attempts:1" in service["Service"]["Environment"]
    assert service["Service"]["KillMode"] == "mixed"
    text = (ROOT / "docs/examples/systemd/fallbackrouter.socket").read_text(encoding="utf-8")
    agi = Settings(last_resort={}).agi
    assert re.findall(r"^ListenStream=(.*)$", text, re.MULTILINE) == [*agi.listen, *agi.http_listen]
    assert socket["Socket"]["Backlog"] == "1024"
