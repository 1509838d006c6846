"""`fallbackrouter calls …` as people run it, while no router runs."""

import json
from pathlib import Path

import pytest

from tests.fakes.commands import run_command
from tests.fakes.outgoing import make_journal, stored

CONFIG = """\
[last_resort]
app = "group"
num = "100"

[ami]
user = "fallbackrouter"
secret = "a-long-secret"

[calls]
contexts = ["outbound"]
channels = ["Local/_XXX@inbound"]
caller_ids = ["79507533333"]
"""
MAKE = ("calls", "make", "--channel", "Local/632@inbound", "--context", "outbound", "--exten", "74951111111")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "var").mkdir()
    make_journal(tmp_path / "var" / "journal.db")
    return tmp_path


def test_a_call_is_made_shown_and_cancelled(house: Path) -> None:
    more = ("--callerid", "Sales <79507533333>", "--variable", "crm=1", "--variable", "text=a=b", "--id", "k1")
    made = run_command(house, *MAKE, *more, "--not-after", "600", "--json")
    assert made.returncode == 0, made.stderr
    assert "not made yet: " in made.stderr
    call = json.loads(made.stdout)
    assert (call["state"], call["owner"], call["variables"]) == ("waiting", "cli", {"crm": "1", "text": "a=b"})
    again = run_command(house, *MAKE, *more, "--json")
    assert json.loads(again.stdout)["call"] == call["call"]
    listed = run_command(house, "calls", "list", "--json", "--state", "waiting")
    assert [json.loads(line)["call"] for line in listed.stdout.splitlines()] == [call["call"]]
    assert "Local/632@inbound" in run_command(house, "calls", "list").stdout
    assert "74951111111" in run_command(house, "calls", "show", call["call"]).stdout
    for _ in range(2):
        cancelled = run_command(house, "calls", "cancel", call["call"])
        assert (cancelled.returncode, cancelled.stdout.strip()) == (0, f"{call['call']} cancelled")
    assert stored(house / "var" / "journal.db", "stage, state") == [("call_ended", "pending")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*MAKE[:-1], "1|2"), "holds a pipe"),
        ((*MAKE, "--variable", "SHELL(id)=1"), "is a dialplan function"),
        ((*MAKE, "--variable", "crm"), "write NAME=VALUE"),
        ((*MAKE, "--callerid", "74951234567"), "calls.caller_ids lacks"),
        ((*MAKE, "--not-after", "-1"), "not_after is past"),
        (("calls", "show", "x"), "there is no call x"),
        (("calls", "cancel", "x"), "there is no call x"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(house: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run_command(house, *words)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_contexts_and_channels_it_says_what_to_set(house: Path) -> None:
    (house / "fallbackrouter.toml").write_text(CONFIG.partition("[calls]")[0])
    done = run_command(house, *MAKE)
    assert done.returncode == 1
    assert "fill calls.contexts and calls.channels" in done.stderr
