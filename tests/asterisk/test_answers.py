"""What an answer holds is what the dialplan gets: the spelling of AGI against Asterisk's own reading of it."""

import random
from collections.abc import Iterator

import pytest

from fallbackrouter.agi.answer import ABOUT, answer_variables, question_commands
from fallbackrouter.core.decision import Decision
from tests.asterisk.answers import RECORDED, SHAPE, VARIABLES, decision
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.scripted import ScriptedAgi
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

ANSWERS = full_or(200, full=2000)
SEED = 20260303
AT_ONCE = 20
NAMES = ("CALLERID(name)", *VARIABLES, *ABOUT)


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
    decisions = {str(number): decision(rng, number) for number in range(ANSWERS)}
    with ScriptedAgi() as agi:
        agi.scripts = {key: question_commands(one, RECORDED, SHAPE) for key, one in decisions.items()}
        asking = f"AGI(agi://127.0.0.1:{agi.port}/ask,${{EXTEN}})"
        exchange.load(f"[answers]\nexten => _X!,1,{asking}\n same => n,{STOP_HERE}\n")
        for key, got in _ask_all(exchange, list(decisions)):
            assert got == _sent(decisions[key]), agi.scripts[key]
        assert all(reply.startswith("200 result=1") for replies in agi.replies.values() for reply in replies)
    record_figure("answers with hostile values that arrived as sent, variable by variable", ANSWERS)
