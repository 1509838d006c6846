"""A call's notes and facts, and what may be a stage."""

import pytest

from fallbackrouter.core.call import Call, is_stage
from fallbackrouter.core.numbers import WITHHELD, read_number
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import (
    NAMES,
    Hit,
    Invalid,
    Miss,
    Skipped,
    TimedOut,
    Unavailable,
    Verdict,
    reason_of,
)


def test_a_note_is_added_and_nothing_else_changes() -> None:
    call = Call(did=read_number("12", None), notes=("one",))
    assert call.noted("two").notes == ("one", "two")
    assert call.notes == ("one",)
    assert (call.caller, call.stage, call.test) == (WITHHELD, "init", False)


def test_a_fact_is_found_by_its_name() -> None:
    call = Call(did=WITHHELD, extra=(("short", "62"), ("link", "a"), ("short", "63")))
    assert [call.fact(key) for key in ("short", "link", "billsec")] == ["62", "a", ""]


@pytest.mark.parametrize(
    ("text", "may"),
    [("init", True), ("end_auto", True), ("a" * 32, True), ("a" * 33, False), ("", False)]
    + [(text, False) for text in ("Init", "init\n", "end-auto", "é", "\u0663", "a b")],
)
def test_a_stage_is_a_short_plain_word(text: str, may: bool) -> None:
    assert is_stage(text) is may


def test_each_verdict_has_a_name_and_its_reason() -> None:
    verdicts: list[Verdict] = [
        Hit(Route((("app", "hangup"),))),
        Miss(),
        TimedOut("slow"),
        Unavailable("x"),
        Invalid("y"),
        Skipped("z"),
    ]
    assert [reason_of(verdict) for verdict in verdicts] == ["", "", "slow", "x", "y", "z"]
    assert len({NAMES[type(verdict)] for verdict in verdicts}) == len(NAMES) == 6
