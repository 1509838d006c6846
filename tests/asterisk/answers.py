"""Answers with hostile values, for whatever carries them to a dialplan."""

import random
import re
from datetime import UTC, datetime

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.route import Admitted, Gate

VARIABLES = ("app", "num", "time", "auto", "text", "digium", "select")
SHAPE = AnswerShape(VARIABLES)
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


def decision(rng: random.Random, number: int) -> Decision:
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
