"""An event as the CRM reads it: JSON.

Its rules: the same names as a question's; what is not known is left out; what the dialplan told beyond the contract's
names stands under `facts`, so that nothing that was told is lost on the way.

Source: docs/crm-contract.md, "Event".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

KNOWN = ("direction", "dialstatus", "hangup_cause", "answered_by", "billsec", "transferred_to", "short", "link")
"""Facts that have a name of their own in the contract."""
OWN = ("tier", "rule", "route", "why")
"""What the router itself tells of a call that it routed without the CRM."""
INFERRED = "inferred"
"""The fact of an event that nobody told, "true"."""


@dataclass(frozen=True, slots=True)
class News:
    """What the CRM is told.

    Attributes:
        callerid, phonenumber: in the configured form.
        callerid_e164, phonenumber_e164: "" where the numbering plan does not tell.
        facts: what the dialplan told, name to value.
        own: what the router itself tells, by the names of OWN.
        notes: what was left out of it and why.
    """

    event_id: str
    at: datetime
    node: str
    call_id: str
    linked_id: str
    seq: int
    stage: str
    callerid: str
    phonenumber: str
    callerid_e164: str
    phonenumber_e164: str
    line: str
    decision_id: str
    facts: Mapping[str, object]
    own: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    test: bool = False


def encode_news(news: News) -> bytes:
    """Return an event's JSON body; a lone surrogate becomes `?`."""
    told = dict(news.facts)
    body: dict[str, object] = {
        "id": news.call_id,
        "callerid": news.callerid,
        "phonenumber": news.phonenumber,
        "stage": news.stage,
        "event_id": news.event_id,
        "seq": news.seq,
        "at": news.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    optional: dict[str, object] = {
        "callerid_e164": news.callerid_e164,
        "phonenumber_e164": news.phonenumber_e164,
        "linked_id": news.linked_id,
        "line": news.line,
        **{name: told.pop(name, "") for name in KNOWN},
        **{name: news.own.get(name) for name in OWN},
        "inferred": told.pop(INFERRED, "") == "true",
        "decision": news.decision_id,
        "node": news.node,
        "test": news.test,
        "facts": told,
        "notes": news.notes,
    }
    body |= {name: value for name, value in optional.items() if value}
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return msgspec.json.encode(_clean(body))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_clean(name): _clean(part) for name, part in value.items()}
    return [_clean(part) for part in value] if isinstance(value, list | tuple) else value
