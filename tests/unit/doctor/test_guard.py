"""How a dialplan asks, read from its text."""

import re
from pathlib import Path

import pytest

from fallbackrouter.doctor.guard import Reading, read_dialplan

PORTS = {4573}
GUARDED = """
[fallbackrouter]
exten => s,1,Set(LOCAL(FR_SAVED)=${TIMEOUT(absolute)})
 same => n,Set(FR_SOURCE=)
 same => n,Set(TIMEOUT(absolute)=0.6)
 same => n,AGI(agi://127.0.0.1:4573/ask,${ARG1},${ARG2})
 same => n,Set(TIMEOUT(absolute)=${FR_SAVED})
 same => n,Return()
exten => T,1,Set(TIMEOUT(absolute)=${FR_SAVED})
 same => n,Return()
exten => h,1,Goto(${STACK_PEEK(1,c,1)},h,1)
"""


def read(text: str) -> Reading:
    return read_dialplan(text, PORTS)


def whats(text: str) -> list[tuple[int, str]]:
    return [(remark.line, remark.what) for remark in read(text).remarks]


def test_the_guarded_context_is_good() -> None:
    assert read(GUARDED) == Reading(1, ())


def test_the_context_of_the_documentation_is_good() -> None:
    page = (Path(__file__).parents[3] / "docs" / "dialplan.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    guarded = [block for block in blocks if "TIMEOUT(absolute)" in block]
    assert guarded
    for block in guarded:
        assert read(block).asks
        assert read(block).remarks == ()


def test_a_name_instead_of_an_address_is_told() -> None:
    named = GUARDED.replace("127.0.0.1", "router.example")
    assert whats(named) == [(6, "[fallbackrouter] asks the router by the name router.example")]
    assert "address" in read(named).remarks[0].remedy


@pytest.mark.parametrize("host", ["[::1]", "10.0.0.7", "${ROUTER}"])
def test_an_address_or_a_variable_is_no_name(host: str) -> None:
    assert whats(GUARDED.replace("127.0.0.1", host)) == []


def test_a_look_up_by_srv_is_told() -> None:
    assert len(whats(GUARDED.replace("agi://", "hagi://"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[old]\nexten => _X.,1,AGI(agi://127.0.0.1:4573/cur,${EXTEN})\n",
        "[old]\nexten => _X.,1,AGI(agi://127.0.0.1/cur)\n",
        "[old]\nexten=_X.,1,EAGI(agi://127.0.0.1:4573)\n",
        '[old](template)\nEXTEN => _X.,1,agi("agi://127.0.0.1:4573/cur")\n',
        GUARDED.replace("=0.6", "=0").replace("[fallbackrouter]", "[old]").replace("(absolute)=${FR_SAVED}", ""),
        "[a]\nexten => s,1,Set(TIMEOUT(absolute)=1)\n[old]\nexten => s,1,AGI(agi://127.0.0.1/ask)\n",
        "[old]\nexten => s,1,AGI(agi://127.0.0.1/ask)\n same => n,Set(TIMEOUT(absolute)=1)\n",
    ],
)
def test_a_question_without_a_guard_is_told(text: str) -> None:
    assert [what for _, what in whats(text)] == ["[old] asks the router without a guard"]


def test_a_guard_without_t_is_told() -> None:
    [remark] = read(GUARDED.replace("exten => T,1", "exten => t,1")).remarks
    assert "no T extension" in remark.what


def test_a_question_in_h_is_told_whatever_guards_it() -> None:
    text = GUARDED + " same => n,AGI(agi://127.0.0.1:4573/event,x,end_failed)\n"
    assert whats(text) == [(12, "[fallbackrouter] asks the router in its h extension")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[old]\nexten => s,1,AGI(agi://127.0.0.1:4574/other)\n",
        "[old]\nexten => s,1,AGI(agi://127.0.0.1:${PORT}/other)\n",
        "[old]\nexten => s,1,AGI(script.sh,agi)\n",
        "[old]\n; exten => s,1,AGI(agi://127.0.0.1:4573/ask)\n",
        "[old]\n;-- exten => s,1,AGI(agi://127.0.0.1:4573/ask)\nexten => s,1,AGI(agi://x:4573/)\n--;\n",
        "[old]\nexten => s,1,NoOp() ; AGI(agi://router:4573/ask)\n",
    ],
)
def test_what_does_not_ask_us_is_not_our_business(text: str) -> None:
    assert read(text) == Reading(0, ())


def test_line_numbers_hold_behind_comments() -> None:
    assert whats(";-- one\ntwo --;\n[old]\nexten => s,1,AGI(agi://127.0.0.1/)\n") == [
        (4, "[old] asks the router without a guard")
    ]


def test_any_text_can_be_read() -> None:
    assert read("[" * 10_000 + "exten => \x00,AGI(agi://[:\n" * 100).asks == 0
