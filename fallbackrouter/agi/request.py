"""What a FastAGI request asks: an Environment -> a Call, and whether it is a question or an event.

- `/ask,DID,STAGE`, `/event,DID,STAGE[,key=value...]`, `/test,DID,STAGE`, the configured positional paths, and
  `/route?did=...&stage=...`. Caller and call id are always the header's where it has them.
- What is absent comes from the header. A stage that cannot be believed is `init`; so is an unknown one on a
  positional path. Whatever was changed or left out is noted in the call.
- Nothing here raises for any text: every bound is kept by cutting and noting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from fallbackrouter.agi.arguments import Placed, Told, absent, place
from fallbackrouter.agi.build import build_call
from fallbackrouter.agi.environment import Environment
from fallbackrouter.agi.facts import read_event
from fallbackrouter.agi.query import read_query
from fallbackrouter.core.call import INIT, Call, ReadNumber, is_stage
from fallbackrouter.core.numbers import read_number
from fallbackrouter.core.route import printable

Kind = Literal["question", "event", "unknown"]

_DID_STAGE = ("did", "stage")
_SPECIAL = frozenset({"", "s", "h", "t", "T", "i", "e", "o", "a", "fax", "hang", "unknown"})
"""Extensions that are no dialled number."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What the configuration and the rules make of a request.

    Attributes:
        paths: the positional paths: name -> the fields that their arguments are.
        event_stages: the stages that make an event, on every path.
        known_stages: the further stages that rules use; others are `init` on the positional paths.
    """

    paths: Mapping[str, tuple[str, ...]]
    event_stages: frozenset[str]
    known_stages: frozenset[str]
    read_number: ReadNumber

    def knows(self, stage: str) -> bool:
        """Tell whether a stage is in use."""
        return stage == INIT or stage in self.event_stages or stage in self.known_stages

    def same(self, one: str, other: str) -> bool:
        """Tell whether two spellings are one number."""
        return self.read_number(one).key == self.read_number(other).key


class Request(Struct, frozen=True):
    """A request that was understood, or (kind `unknown`) as much as the header says of its call.

    Attributes:
        path: the path that was asked for, without slashes and query; hostile.
    """

    kind: Kind
    call: Call
    path: str


def read_request(environment: Environment, grammar: Grammar) -> Request:
    """Read what a header block asks; never raises, whatever the values.

    Returns:
        Kind `unknown` where there is no such path, or an event's stage cannot be believed.
    """
    path, _, query = environment.script.partition("?")
    path = path.strip("/")
    told = read_header(environment)
    placed = _place(path, query, environment, told, grammar)
    if placed is None:
        call = build_call(environment, told, Placed({}), INIT, read_number=grammar.read_number)
        return Request("unknown", call.noted(f"there is no path {printable(path, 40)}"), path)
    return understand(environment, told, placed, path, grammar)


def understand(environment: Environment, told: Told, placed: Placed, path: str, grammar: Grammar) -> Request:
    """Read what is asked at a path that there is, once each argument has its name; never raises."""
    stage, note = _stage(placed, path, grammar)
    kind, remark = _kind(path, stage, grammar)
    call = build_call(
        environment,
        told,
        placed,
        stage or INIT,
        read_number=grammar.read_number,
        remarks=(note, remark),
        test=path == "test",
    )
    return Request(kind, call, path)


def bare_request(environment: Environment) -> Request:
    """Return what the header alone says of the call, for when reading the request failed by a fault of our own."""
    told = read_header(environment)
    call = build_call(environment, told, Placed({}), INIT, read_number=lambda text: read_number(text, None))
    return Request("unknown", call.noted("the request could not be read, by a fault of the router's own"), "")


def read_header(environment: Environment) -> Told:
    """Return what the header says of the call's numbers and id."""
    values = environment.values
    extension, dnid = values.get("agi_extension", ""), values.get("agi_dnid", "")
    dids = tuple([text for text in (extension, dnid) if text not in _SPECIAL])
    return Told(values.get("agi_callerid"), dids, values.get("agi_uniqueid", ""))


def _place(path: str, query: str, environment: Environment, told: Told, grammar: Grammar) -> Placed | None:
    """Give each argument its name; None where there is no such path."""
    if path in {"ask", "test"}:
        return place(_DID_STAGE, environment.args, told, grammar.same)
    if path == "event":
        return read_event(environment.args, told, grammar.knows)
    if path == "route":
        return read_query(query, environment.args, told, grammar.same)
    if path in grammar.paths:
        return place(grammar.paths[path], environment.args, told, grammar.same)
    return None


def _stage(placed: Placed, path: str, grammar: Grammar) -> tuple[str, str]:
    """Return the stage and a note; the stage is "" where none can be believed or none is given."""
    text = placed.values.get("stage", "")
    if absent(text):
        return "", ""
    if not is_stage(text):
        return "", f"{printable(text, 40)} is no stage"
    if path in grammar.paths and not grammar.knows(text):
        return "", f"stage {text} is neither configured nor used by a rule: taken as {INIT}"
    return text, ""


def _kind(path: str, stage: str, grammar: Grammar) -> tuple[Kind, str]:
    """Return what is asked, and a note."""
    if stage in grammar.event_stages:
        return "event", ""
    if path != "event":
        return "question", ""
    if not stage:
        return "unknown", "an event without a stage that can be believed"
    return "event", f"stage {stage} is not one of events.stages"
