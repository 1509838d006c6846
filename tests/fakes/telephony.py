"""Hypothesis strategies for patterns and numbers that meet often enough for a property to mean something."""

from hypothesis import strategies as st

DIGITS = "0123456789"

_ranges = st.tuples(st.sampled_from(DIGITS), st.sampled_from(DIGITS)).map(lambda ends: "-".join(sorted(ends)))
_members = st.one_of(_ranges, st.sampled_from([*DIGITS, "*", "#", "+", "a", "B", "a-c"]))
sets = st.lists(_members, min_size=1, max_size=3).map(lambda members: f"[{''.join(members)}]")
_elements = st.one_of(st.sampled_from("XxZzNn"), st.sampled_from([*DIGITS, "+", "*", "a", "B", "-"]), sets)
tails = st.sampled_from(["", "", ".", "!"])


@st.composite
def pattern_texts(draw: st.DrawFn) -> str:
    """Return a pattern that is accepted."""
    body = "".join(draw(st.lists(_elements, max_size=5))) + draw(tails)
    return "_" + (body if body.strip("-") else "X")


numbers = st.text(alphabet=[*DIGITS, *DIGITS, *DIGITS, "+", "*", "-", "a", "B", "_", "X", "é"], max_size=7)
