"""How decisions and events become rows of the journal: the values, in the order of the columns.

Runs in the writer's thread, which shares the interpreter with the calls: no work here that a row does not need.
A row is written once however often it is tried, as its id is made where the thing happened.

Source: docs/journal.md, "A decision's JSON".
"""

from typing import Any

import msgspec

from fallbackrouter.core.decision import Decision, Event, Step, Times
from fallbackrouter.core.verdict import NAMES, Hit
from fallbackrouter.store.moments import to_ms

Row = tuple[object, ...]

_OF_THE_CALL = ("did", "caller", "did_key", "caller_key", "stage", "line", "context", "channel")
_OF_THE_ANSWER = ("source", "rule", "status", "test", "route", "trail")
_OF_THE_CLOCK = ("read_ms", "walk_ms", "live_queue_ms", "live_ms", "journal_ms", "write_ms")
DECISION_COLUMNS = ("id", "at", "node", "call_id", "linked_id", *_OF_THE_CALL, *_OF_THE_ANSWER, *_OF_THE_CLOCK)
_OF_THE_EVENT = ("stage", "did", "caller", "decision_id", "details", "state", "test")
EVENT_COLUMNS = ("event_id", "at", "node", "call_id", "linked_id", "call_key", *_OF_THE_EVENT)
TIMES_COLUMNS = ("journal_ms", "write_ms", "ms", "id")
PENDING = "pending"
"""The state of an event that the CRM has not been told."""

_encode = msgspec.json.Encoder().encode


def decision_row(decision: Decision) -> Row:
    """Return the values of DECISION_COLUMNS."""
    call, times = decision.call, decision.times
    trail: dict[str, object] = {"steps": [_step(step) for step in decision.steps]}
    if call.notes:
        trail["notes"] = call.notes
    if decision.next_route is not None:
        trail["next"] = decision.next_route.fields
    return (
        decision.decision_id,
        to_ms(decision.at),
        decision.node,
        call.call_id,
        call.linked_id,
        call.did.raw,
        call.caller.raw,
        call.did.key,
        call.caller.key,
        call.stage,
        call.line,
        call.context,
        call.channel,
        decision.source,
        decision.rule,
        decision.status,
        int(call.test),
        json_text(decision.route.fields),
        json_text(trail),
        times.read,
        times.walk,
        times.live_queue,
        times.live,
        times.journal,
        times.write,
    )


def _step(step: Step) -> dict[str, object]:
    verdict = step.verdict
    told: dict[str, object] = {"tier": step.tier, "verdict": NAMES[type(verdict)]}
    if not isinstance(verdict, Hit):
        if verdict.reason:
            told["reason"] = verdict.reason
    else:
        if verdict.rule:
            told["rule"] = verdict.rule
        if verdict.age_s is not None:
            told["age_s"] = round(verdict.age_s, 3)
        if verdict.notes:
            told["notes"] = verdict.notes
    told["ms"] = round(step.ms, 3)
    return told


def times_row(decision_id: str, times: Times, ms: float) -> Row:
    """Return the values of TIMES_COLUMNS, known only once the answer is out."""
    return (times.journal, times.write, ms, decision_id)


def event_row(event: Event) -> Row:
    """Return the values of EVENT_COLUMNS; its `seq` is given where it is written.

    An event without any id of a call is a call of its own: it has nothing to be in order with.
    """
    call = event.call
    return (
        event.event_id,
        to_ms(event.at),
        event.node,
        call.call_id,
        call.linked_id,
        call.linked_id or call.call_id or event.event_id,
        call.stage,
        call.did.raw,
        call.caller.raw,
        event.decision_id,
        json_text(_details(event)),
        PENDING,
        int(call.test),
    )


def _details(event: Event) -> dict[str, object]:
    call = event.call
    known = {"line": call.line, "context": call.context, "channel": call.channel}
    details: dict[str, object] = {name: value for name, value in known.items() if value}
    if call.extra:
        details["extra"] = dict(call.extra)
    if call.notes:
        details["notes"] = call.notes
    return details


def json_text(value: object) -> str:
    """Return a value as JSON; text that is no UTF-8 (half a surrogate pair) is spelled out, never refused."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return _encode(spelled_out(value)).decode()


def spelled_out(value: Any) -> Any:
    """Return the same value with what UTF-8 cannot hold written by its code point."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {spelled_out(key): spelled_out(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(spelled_out, value))
    return value
