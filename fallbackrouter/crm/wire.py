"""The CRM's words: a question as JSON, and what its answer means.

Its rules:

- numbers go out as received (or in `crm.number_form`), facts that are not known are left out;
- an answer is 200 with `{"status": true, "result": {...}}`; the result passes the gate or is Invalid;
- `status: false` and 404 are a Miss; every other status says that the CRM could not be asked;
- a reason never repeats what the CRM wrote: it may hold personal data. It names what is wrong with it.

Source: docs/crm-contract.md, "Question" and "Answer".
"""

import math
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from fallbackrouter.core.call import Call
from fallbackrouter.core.route import Gate, Refused
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Unavailable, Verdict

MAX_TTL_S = 86_400.0
"""The longest that a CRM may ask to have an answer remembered; more counts as this much."""
MAX_RESULT_FIELDS = 64
"""The most fields of a result; an answer has a handful."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TTL_NOTE = "ttl left out: not a number of seconds from 0 up"


@dataclass(frozen=True, slots=True)
class Question:
    """What the CRM is asked.

    Attributes:
        node: the router's name.
        budget_ms: what is left of the call's time for this answer.
        callerid: the caller in the configured form, "" where the peer gave nothing at all.
        phonenumber: the dialled number in the configured form.
    """

    call: Call
    decision_id: str
    node: str
    budget_ms: int
    callerid: str
    phonenumber: str


@dataclass(frozen=True, slots=True)
class LiveReply:
    """What the live CRM said, and for how long it wants to be remembered; None where it does not say."""

    verdict: Verdict
    ttl_s: float | None = None


class _QuestionBody(msgspec.Struct, omit_defaults=True):
    """The question's JSON; what has a default is left out while it has that value."""

    id: str
    callerid: str
    phonenumber: str
    stage: str
    budget_ms: int
    callerid_e164: str = ""
    phonenumber_e164: str = ""
    line: str = ""
    decision: str = ""
    node: str = ""
    test: bool = False


def encode_question(question: Question) -> bytes:
    """Return the question's JSON body. A lone surrogate from a hostile peer becomes `?`."""
    call = question.call
    body = _QuestionBody(
        id=call.call_id,
        callerid=question.callerid,
        phonenumber=question.phonenumber,
        stage=call.stage,
        budget_ms=question.budget_ms,
        callerid_e164=call.caller.e164,
        phonenumber_e164=call.did.e164,
        line=call.line,
        decision=question.decision_id,
        node=question.node,
        test=call.test,
    )
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return msgspec.json.encode(_without_surrogates(body))


def _without_surrogates(body: _QuestionBody) -> _QuestionBody:
    texts = {name: value for name, value in msgspec.structs.asdict(body).items() if isinstance(value, str)}
    clean = {name: text.encode("utf-8", "replace").decode() for name, text in texts.items()}
    return msgspec.structs.replace(body, **clean)


def read_answer(status: int, body: bytes, gate: Gate) -> LiveReply:
    """Turn an answer into a verdict; never raises.

    Args:
        status: the HTTP status code.
        body: whole and bounded by the caller; hostile.

    Returns:
        Hit with a checked Route (what was left out is in its notes); Miss where the CRM knows no route;
        Unavailable where it could not be asked; Invalid where its answer may not reach a dialplan.
    """
    if status == HTTPStatus.NOT_FOUND:
        return LiveReply(Miss("the CRM knows no route (404)"))
    if status != HTTPStatus.OK:
        return LiveReply(refusal(status))
    fields = _decode(body)
    return LiveReply(fields) if isinstance(fields, Invalid) else _read_fields(fields, gate)


def _read_fields(fields: dict[str, object], gate: Gate) -> LiveReply:
    if fields.get("status") is False:
        return LiveReply(Miss("the CRM knows no route"))
    if fields.get("status") is not True:
        return LiveReply(Invalid("status is neither true nor false"))
    verdict = _check(fields.get("result"), gate)
    if not isinstance(verdict, Hit) or fields.get("ttl") is None:
        return LiveReply(verdict)
    ttl_s = _read_ttl(fields["ttl"])
    return LiveReply(
        verdict if ttl_s is not None else msgspec.structs.replace(verdict, notes=(*verdict.notes, _TTL_NOTE)), ttl_s
    )


def refusal(status: int) -> Unavailable:
    """Say in plain words what a status other than 200 and 404 means."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Unavailable(f"the CRM refused our token ({status}): check crm.token_file")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Unavailable("the CRM takes no more questions now (429)")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Unavailable(f"the CRM redirects ({status}): crm.url has to be the final address")
    return Unavailable(f"the CRM answered with HTTP status {status}")


def _decode(body: bytes) -> dict[str, object] | Invalid:
    """Read the body as a JSON object; NaN, Infinity and numbers past every range are no JSON."""
    try:
        fields = msgspec.json.decode(body.removeprefix(_BYTE_ORDER_MARK))
    except UnicodeDecodeError:
        return Invalid("the answer is not UTF-8")
    except RecursionError:
        return Invalid("the answer is nested too deep")
    except (msgspec.DecodeError, ValueError):
        return Invalid(_not_json(body))
    return fields if isinstance(fields, dict) else Invalid("the answer is no JSON object")


def _not_json(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "the answer is empty"
    return "the answer is a web page, not JSON" if start == b"<" else "the answer is not JSON"


def _check(result: object, gate: Gate) -> Verdict:
    if not isinstance(result, dict):
        return Invalid("status is true, but there is no result with fields")
    if len(result) > MAX_RESULT_FIELDS:
        return Invalid(f"the result has more than {MAX_RESULT_FIELDS} fields")
    admitted = gate.check(result)
    if isinstance(admitted, Refused):
        return Invalid(admitted.reason)
    return Hit(admitted.route, notes=admitted.notes)


def _read_ttl(given: object) -> float | None:
    """Return the seconds, None where it is no number of seconds."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(min(given, MAX_TTL_S)) if given >= 0 and not math.isnan(given) else None
