"""The timeline: every bar lies within the line, in its order, and the line holds budget and call."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.admin.pages.timeline import timeline

times = st.none() | st.floats(0, 1e6)
steps = st.lists(
    st.fixed_dictionaries({"tier": st.just("live"), "verdict": st.just("miss"), "ms": times}), min_size=1, max_size=6
)


def row(steps: list[dict[str, Any]], ms: float | None, journal: float | None, write: float | None) -> dict[str, Any]:
    return {"ms": ms, "trail": {"steps": steps, "times_ms": {"journal": journal, "write": write}}}


@given(steps, times, times, times, st.floats(1, 5000))
def test_bars_lie_within_the_line(
    steps: list[dict[str, Any]], ms: float | None, journal: float | None, write: float | None, budget_ms: float
) -> None:
    line = timeline(row(steps, ms, journal, write), budget_ms)
    assert line.whole_ms >= max(budget_ms, ms or 0)
    assert 0 < line.budget <= 100
    for bar in line.bars:
        assert 0 <= bar.left <= 100
        assert 0 < bar.width <= 100
        assert bar.left + bar.width <= 100.02
    assert [bar.left for bar in line.bars] == sorted(bar.left for bar in line.bars)


def test_a_call_that_kept_its_budget() -> None:
    line = timeline(
        row(
            [
                {"tier": "live", "verdict": "timed_out", "reason": "no answer", "ms": 300.0},
                {"tier": "fallback", "verdict": "hit", "rule": "night", "ms": 0.02},
            ],
            302.0,
            1.0,
            0.5,
        ),
        400.0,
    )
    assert (line.whole_ms, line.budget) == (400.0, 100.0)
    assert [(bar.kind, bar.name, bar.why) for bar in line.bars] == [
        ("tier", "live", "no answer"),
        ("tier", "fallback", "night"),
        ("journal", "", ""),
        ("write", "", ""),
    ]
    assert (line.bars[0].left, line.bars[0].width) == (0.0, 75.0)
