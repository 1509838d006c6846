"""How the manager interface speaks of a call: the order to make it, and what it tells of it.

Its rules:

- the call's first channel gets our id as its uniqueid, and every channel that belongs to it has that as its linkedid,
  whatever becomes of the first one: CoreShowChannels and each event tell which call they are about;
- each variable is a header of its own, with what Asterisk would part it at escaped: it arrives letter by letter;
- OriginateResponse may come before the answer to the order, with the order's ActionID, so it can pass for that answer.

Source: Asterisk's manager.c; tests/asterisk/test_calls_made.py sees all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fallbackrouter.core.outcall import OutCall

OUR_ID = "FR_CALL"
"""The variable that carries our id into the dialplan, inherited by the channels that it makes."""
ORIGINATED = "OriginateResponse"
_PARTED_AT = frozenset('\\,"()[]')
_NO_CAUSE = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """Asterisk says what became of ringing somebody.

    Attributes:
        ok: he answered.
        reason: OriginateResponse's number, see core.outcall.unanswered.
    """

    out_id: str
    ok: bool
    reason: int


@dataclass(frozen=True, slots=True)
class HungUp:
    """A channel of a call is gone.

    Attributes:
        cause: Q.850, None where Asterisk has none.
    """

    out_id: str
    cause: int | None


def originate_fields(call: OutCall) -> Mapping[str, str | Sequence[str]]:
    """Return the order to make a call."""
    wanted = call.wanted
    fields: dict[str, str | Sequence[str]] = {
        "Action": "Originate",
        "Channel": wanted.channel,
        "Context": wanted.context,
        "Exten": wanted.exten,
        "Priority": wanted.priority,
        "Timeout": str(wanted.timeout_s * 1000),
        "Async": "true",
        "ChannelId": call.out_id,
        "Variable": [_pair(name, value) for name, value in (*wanted.variables, (f"__{OUR_ID}", call.out_id))],
    }
    if wanted.caller:
        fields["CallerID"] = f'"{wanted.caller_name}" <{wanted.caller}>' if wanted.caller_name else wanted.caller
    return fields


def _pair(name: str, value: str) -> str:
    return f"{name}=" + "".join(f"\\{letter}" if letter in _PARTED_AT else letter for letter in value)


def read_news(fields: Mapping[str, str]) -> Answered | HungUp | None:
    """Return what an event tells of a call, None where it tells of none."""
    event = fields.get("Event")
    if event == ORIGINATED:
        return Answered(fields.get("Uniqueid", ""), fields.get("Response") == "Success", _number(fields.get("Reason")))
    if event == "Hangup":
        return HungUp(fields.get("Linkedid", ""), _number(fields.get("Cause")) or None)
    return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else _NO_CAUSE  # noqa: PLR2004
