"""What an answer holds is what the dialplan gets: the spelling of AGI against Asterisk's own reading of it."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from fallbackrouter.agi.answer import ABOUT, AnswerShape, answer_variables, question_commands
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.route import Admitted, Gate
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.scripted import ScriptedAgi
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

ANSWERS = full_or(200, full=2000)
SEED = 20260303
AT_ONCE = 20
VARIABLES = ("app", "num", "time", "auto", "text", "digium", "select")
SHAPE = AnswerShape(VARIABLES)
NAMES = ("CALLERID(name)", *VARIABLES, *ABOUT)
RECORDED = True
GATE = Gate(
    apps={"group": ()},
    num=re.compile(".*"),
    external=re.compile(".*"),
    variables=frozenset(VARIABLES),
    functions=frozenset({"CALLERID(name)"}),
    keep_quotes=True,
)
ALPHABET = ',()[]"\\ ,()[]"\\ \'$ {}<>|;&%=!~`^#@*?:/.-_+0123456789abcXYZ' + "жЩё€é中📞👩‍👩‍👧\u0301"
KNOWN = ["a,b", "(", "[", "]", ")", '"', "\\", "\\\\", '\\"', " both ends ", "${EXTEN}", "$[1+1]", "a=b", "'", "100%"]


def _text(rng: random.Random) -> str:
    return rng.choice(KNOWN) if rng.random() < 0.2 else "".join(rng.choices(ALPHABET, k=rng.randint(0, 40)))


def _decision(rng: random.Random, number: int) -> Decision:
    """Return an answer to the call with that number; its values passed the gate, quotes and all."""
    while True:
        fields = {"app": "group", "time": "62", "CALLERID(name)": _text(rng)}
        fields |= {name: _text(rng) for name in VARIABLES if name not in fields}
        checked = GATE.check(fields)
        if isinstance(checked, Admitted):
            break
    return Decision(
        decision_id=f"decision-{number}",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        node="here",
        call=Call(did=Number(raw="1", dialled="1", key="1")),
        route=checked.route,
        source="fallback",
        rule=_text(rng),
        status="ok",
        steps=(),
    )


def _sent(decision: Decision) -> dict[str, str]:
    """Return what the dialplan ought to get; Asterisk itself takes the blanks off both ends of a caller's name."""
    functions = {name: value.strip(" ") for name, value in decision.route.functions}
    return {"CALLERID(name)": "", **functions, **dict(answer_variables(decision, RECORDED, SHAPE))}


def _ask_all(exchange: Exchange, keys: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Place a call for each key, AT_ONCE at a time, and return what its dialplan got."""
    for start in range(0, len(keys), AT_ONCE):
        tokens = {key: exchange.call(key, "answers") for key in keys[start : start + AT_ONCE]}
        for key, token in tokens.items():
            yield key, dict(zip(NAMES, exchange.values(token, NAMES), strict=True))


def test_every_value_arrives_as_it_was_sent(exchange: Exchange, record_figure: Record) -> None:
    rng = random.Random(SEED)
    decisions = {str(number): _decision(rng, number) for number in range(ANSWERS)}
    with ScriptedAgi() as agi:
        agi.scripts = {key: question_commands(one, RECORDED, SHAPE) for key, one in decisions.items()}
        asking = f"AGI(agi://127.0.0.1:{agi.port}/ask,${{EXTEN}})"
        exchange.load(f"[answers]\nexten => _X!,1,{asking}\n same => n,{STOP_HERE}\n")
        for key, got in _ask_all(exchange, list(decisions)):
            assert got == _sent(decisions[key]), agi.scripts[key]
        assert all(reply.startswith("200 result=1") for replies in agi.replies.values() for reply in replies)
    record_figure("answers with hostile values that arrived as sent, variable by variable", ANSWERS)
