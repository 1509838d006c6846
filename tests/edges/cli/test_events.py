"""`fallbackrouter events …` as people run it: a process of its own, its output, its exit code."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.store.outbox import Outbox, Settled
from tests.fakes.commands import run_command
from tests.fakes.outgoing import make_journal, stored
from tests.fakes.records import AT, an_event, an_id

LATER = AT + timedelta(minutes=1)
CONFIG = '[last_resort]\napp = "group"\nnum = "100"\n'


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A delivered, a refused, a dead and two pending events; the first three are of one call."""
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "var").mkdir()
    calls = ["a", "a", "a", "b", "c"]
    events = [
        an_event(
            number, call_id=f"{call}.{number}", linked_id=call, extra=(("state", "\x1b[1m[x]"), ("link", "/x.wav"))
        )
        for number, call in enumerate(calls, 1)
    ]
    outbox = Outbox(make_journal(tmp_path / "var" / "journal.db", events))
    states = ["delivered", "refused", "dead"]
    outbox.settle([Settled(an_id(number), state, "410 gone", LATER) for number, state in enumerate(states, 1)])
    outbox.close()
    return tmp_path


def listed(house: Path, *words: str) -> list[str]:
    done = run_command(house, "events", "list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["event_id"] for line in done.stdout.splitlines()]


def states(house: Path) -> list[str]:
    return [state for (state,) in stored(house / "var" / "journal.db", "state")]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ((), [5, 4, 3, 2, 1]),
        (("--limit", "2"), [5, 4]),
        (("--state", "pending"), [5, 4]),
        (("--dead",), [3]),
        (("--call", "a"), [3, 2, 1]),
        (("--call", "b.4"), [4]),
        (("--call", "a", "--state", "refused"), [2]),
        (("--call", "nobody"), []),
    ],
)
def test_events_are_listed_newest_first(house: Path, words: tuple[str, ...], numbers: list[int]) -> None:
    assert listed(house, *words) == [an_id(number) for number in numbers]


def test_the_table_and_one_event_show_what_became_of_it(house: Path) -> None:
    table = run_command(house, "events", "list").stdout
    assert "410 gone" in table
    assert an_id(5) in table
    shown = run_command(house, "events", "show", an_id(2)).stdout
    assert f"event_id  {an_id(2)}" in shown
    assert "link      /x.wav" in shown
    assert "\x1b" not in shown
    as_json = json.loads(run_command(house, "events", "show", an_id(2), "--json").stdout)
    assert as_json == {
        "v": 1,
        "event_id": an_id(2),
        "at": "2026-03-02T10:00:00.123Z",
        "node": "pbx1",
        "call_id": "a.2",
        "linked_id": "a",
        "seq": 2,
        "stage": "start",
        "state": "refused",
        "did": "+7 495 111-11-11",
        "caller": "89507533333",
        "decision_id": "",
        "attempts": 0,
        "answer": "410 gone",
        "due_at": None,
        "tried_at": None,
        "ended_at": "2026-03-02T10:01:00.123Z",
        "missing_since": None,
        "tries": [],
        "details": {
            "context": "from-trunk",
            "channel": "PJSIP/trunk-00000001",
            "extra": {"state": "\x1b[1m[x]", "link": "/x.wav"},
        },
        "test": False,
    }


def test_events_are_tried_again_and_dropped(house: Path) -> None:
    done = run_command(house, "events", "retry", "--dead")
    assert done.stdout == "1 event retried\n"
    assert done.stderr.startswith("not sent yet: fallbackrouter is not running here")
    assert states(house) == ["delivered", "refused", "pending", "pending", "pending"]
    assert json.loads(run_command(house, "events", "retry", "--call", "a", "--json").stdout) == {"v": 1, "retried": 1}
    assert json.loads(run_command(house, "events", "drop", an_id(4), an_id(1), "--json").stdout) == {
        "v": 1,
        "dropped": 1,
    }
    assert states(house) == ["delivered", "pending", "pending", "dropped", "pending"]
    assert run_command(house, "events", "drop", "--state", "pending").stdout == "3 events dropped\n"
    none = run_command(house, "events", "retry", an_id(4))
    assert (none.stdout, none.stderr) == ("0 events retried\n", "")


def test_tail_begins_with_the_last_ones(house: Path) -> None:
    done = run_command(house, "events", "tail", "--limit", "5", "--json")
    assert [json.loads(line)["event_id"] for line in done.stdout.splitlines()] == [an_id(n) for n in range(1, 6)]
    assert run_command(house, "events", "tail", "--limit", "1").stdout.count(an_id(5)) == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "none"), 1, "there is no event none; `fallbackrouter events list` shows the newest"),
        (("retry", "none"), 1, "there is no event none"),
        (("retry",), 2, "say which: event ids, --call, --state or --dead"),
        (("drop",), 2, "say which: event ids, --call, --state or --dead"),
        (("retry", "--state", "delivered"), 2, "events that are delivered stay so; choose from dead, refused"),
        (("drop", "--state", "dropped"), 2, "events that are dropped stay so"),
        (("list", "--dead", "--state", "pending"), 2, "--dead and --state name two states"),
        (("list", "--state", "lost"), 2, "lost"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    house: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    done = run_command(house, "events", *words)
    assert done.returncode == code
    assert sentence in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_without_a_journal_the_way_to_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    done = run_command(tmp_path, "events", "list")
    assert done.returncode == 1
    assert "it is made when `fallbackrouter serve` starts" in done.stderr
