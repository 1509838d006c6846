from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.dialplan.spell import Step, comment, context, extension, value


def test_plain_values_stay_readable() -> None:
    assert [value(text) for text in ("", "62", "office 2", "+7/a.wav")] == ["", "62", "office 2", "+7/a.wav"]


@given(st.text(min_size=1))
def test_no_value_leaves_anything_for_a_parser(text: str) -> None:
    spelled = value(text)
    inner = spelled.removeprefix("${URIDECODE(").removesuffix(")}") if spelled != text else spelled
    assert not set(inner) & set(';,$(){}[]"\\\n\r') or spelled == text == ""
    assert spelled == spelled.strip()


@given(st.text())
def test_a_comment_stays_one_line_of_comment(text: str) -> None:
    assert not set(comment(text)) & set(";\\\n\r")


def test_an_extension_is_spelled_with_labels_and_reasons() -> None:
    steps = [Step("NoOp()"), Step("Set(a=1)", "because", "here"), Step("Return()")]
    assert extension("s", steps) == [
        "exten => s,1,NoOp()",
        " same => n(here),Set(a=1)  ; because",
        " same => n,Return()",
    ]
    assert context("x", extension("s", steps[:1]), why="one\ntwo") == "; one\n; two\n[x]\nexten => s,1,NoOp()\n"
