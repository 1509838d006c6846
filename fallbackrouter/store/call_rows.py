"""How calls that the CRM has made lie in the journal, and the statements that read and change them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fallbackrouter.core.outcall import OutCall, State, Wanted
from fallbackrouter.store.moments import from_ms, to_ms
from fallbackrouter.store.rows import Row, json_text

COLUMNS = (
    *("out_id", "at", "node", "owner", "crm_id", "channel", "context", "exten", "priority", "caller", "details"),
    *("state", "not_after", "sent_at", "answered_at", "ended_at", "cause", "reason"),
)
_NAMES = ", ".join(COLUMNS)
_SELECT = f"SELECT {_NAMES} FROM out_calls"  # noqa: S608 - our own names
INSERT = f"INSERT INTO out_calls ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own names
ONE = f"{_SELECT} WHERE out_id = ?"
SAME = f"{_SELECT} INDEXED BY out_calls_by_crm_id WHERE owner = ? AND crm_id = ? AND crm_id <> ''"
ASKED_SINCE = "SELECT count(*) FROM out_calls INDEXED BY out_calls_by_owner WHERE owner = ? AND at > ?"
IN_STATE = f"{_SELECT} INDEXED BY out_calls_open WHERE ended_at IS NULL AND state = ? ORDER BY out_id LIMIT ?"
OVERDUE = f"""{_SELECT} INDEXED BY out_calls_open WHERE ended_at IS NULL AND state = 'waiting' AND not_after < ?
    ORDER BY out_id LIMIT ?"""
COUNT = "SELECT count(*) FROM out_calls INDEXED BY out_calls_open WHERE ended_at IS NULL AND state = ?"
CHANGE = """UPDATE out_calls SET state = ?, sent_at = ?, answered_at = ?, ended_at = ?, cause = ?, reason = ?
    WHERE out_id = ? AND state = ?"""
"""The new values, and the state that it still has to have."""
NEWEST = f"{_SELECT} ORDER BY out_id DESC LIMIT ?"
NEWEST_IN = f"{_SELECT} WHERE state = ? ORDER BY out_id DESC LIMIT ?"


def row_of(call: OutCall) -> Row:
    """Return the values of COLUMNS."""
    wanted = call.wanted
    details = {
        "caller_name": wanted.caller_name,
        "variables": dict(wanted.variables),
        "timeout_s": wanted.timeout_s,
        "numbers": wanted.numbers,
    }
    return (
        *(call.out_id, to_ms(call.at), call.node, call.owner, call.crm_id, wanted.channel, wanted.context),
        *(wanted.exten, wanted.priority, wanted.caller, json_text(details), str(call.state), to_ms(call.not_after)),
        *(_ms(call.sent_at), _ms(call.answered_at), _ms(call.ended_at), call.cause, call.reason),
    )


def changes_of(call: OutCall) -> Row:
    """Return the values that CHANGE sets."""
    moments = (_ms(call.sent_at), _ms(call.answered_at), _ms(call.ended_at))
    return (str(call.state), *moments, call.cause, call.reason)


def call_of(row: Sequence[Any]) -> OutCall:
    """Return what a row of COLUMNS tells."""
    facts = dict(zip(COLUMNS, row, strict=True))
    details = msgspec.json.decode(facts["details"])
    return OutCall(
        out_id=facts["out_id"],
        at=from_ms(facts["at"]),
        node=facts["node"],
        owner=facts["owner"],
        crm_id=facts["crm_id"],
        wanted=Wanted(
            channel=facts["channel"],
            context=facts["context"],
            exten=facts["exten"],
            priority=facts["priority"],
            caller=facts["caller"],
            caller_name=details["caller_name"],
            variables=tuple(details["variables"].items()),
            timeout_s=details["timeout_s"],
            numbers=tuple(details["numbers"]),
        ),
        not_after=from_ms(facts["not_after"]),
        state=State(facts["state"]),
        sent_at=_at(facts["sent_at"]),
        answered_at=_at(facts["answered_at"]),
        ended_at=_at(facts["ended_at"]),
        cause=facts["cause"],
        reason=facts["reason"],
    )


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else from_ms(at_ms)
