"""Operations on rules: what serves, the files, check, diff, backtest, apply, history, rollback, pins."""

from dataclasses import replace
from typing import Annotated, Any, TypedDict

from msgspec import Meta, field
from starlette.responses import Response

from fallbackrouter.admin.acts import drafts
from fallbackrouter.admin.acts import rules as acts
from fallbackrouter.admin.api.decisions import Dialled, Text
from fallbackrouter.admin.api.operation import SLOW_S, Asked, Fields, Operation, json_response
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import EDIT, READ
from fallbackrouter.office import rules
from fallbackrouter.office.moments import read_past
from fallbackrouter.office.pins import pin_length
from fallbackrouter.office.rule_files import ABSENT, RuleFile, StaleError, read_rule_file, rule_files
from fallbackrouter.rulesfile.files import MAX_FILE_BYTES

FileText = Annotated[str, Meta(max_length=MAX_FILE_BYTES)]


class Draft(Fields, frozen=True):
    """A file as it is being edited; without a name, the files as they are saved."""

    file: Annotated[str, Meta(max_length=100)] = ""
    text: FileText = ""


class BacktestBody(Draft, frozen=True):
    """The same, and which calls: the newest, or since a moment (`2026-11-23`, `2h`)."""

    last: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    since: Text = ""


class FileBody(Fields, frozen=True):
    """What the file is to hold."""

    text: FileText


class RulesQuery(Fields, frozen=True):
    """By the files as they are saved, instead of those that serve."""

    files: bool = False


class RollbackBody(Fields, frozen=True):
    """To which number; without one, to the rules before the present ones."""

    number: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    keep_files: bool = False


class PinBody(Fields, frozen=True):
    """Where to, once or twice (`group:62`), and for how long (`30m`, `2h`, `3d`)."""

    did: Dialled
    to: Annotated[list[Text], Meta(min_length=1, max_length=2)]
    for_: Annotated[str, Meta(pattern="^[0-9]{1,5}[mhd]$")] = field(name="for")
    time: Annotated[str, Meta(pattern="^[0-9]{0,5}$")] = ""
    why: Text = ""


class UnpinBody(Fields, frozen=True):
    """The pinned number, or the pin's name."""

    pinned: Annotated[str, Meta(min_length=1, max_length=200)]


class ProblemRow(TypedDict):
    """Something that is wrong, or might be, and where: line and column count from 1."""

    file: str
    line: int
    column: int
    severity: str
    what: str
    remedy: str


class CheckedAnswer(TypedDict):
    """Whether rules check."""

    ok: bool
    rules: int
    problems: list[ProblemRow]


class FileAnswer(TypedDict):
    """A file of rules; `state` is its ETag, for If-Match."""

    name: str
    state: str
    text: str


async def _list(asked: Asked) -> Any:
    office = asked.house.office

    def rows() -> Any:
        specs = None if asked.query.files else rules.serving_rules(office)
        specs = office.check(office.rules_dir).rules if specs is None else specs
        return rules.rule_rows(specs, rules.hits_of(office, asked.house.clock.now_at()))

    return {"rules": await asked.house.slow.run(rows)}


async def _files(asked: Asked) -> Any:
    found = await asked.house.quick.run(rule_files, asked.house.office)
    return {"files": [{"name": file.name, "state": file.state, "chars": len(file.text)} for file in found]}


async def _file(asked: Asked) -> Response:
    file = await asked.house.quick.run(read_rule_file, asked.house.office, asked.path["name"])
    if file.state == ABSENT:
        raise Problem(404, f"there is no file {file.name}")
    return _with_state(file, {"name": file.name, "state": file.state, "text": file.text})


def _with_state(file: RuleFile, answer: Any) -> Response:
    return json_response(answer, 200, ETag=f'"{file.state}"')


async def _save(asked: Asked) -> Response:
    name, text, house = asked.path["name"], asked.body.text, asked.house
    try:
        checked = await acts.save(house, asked.visitor, name, text, asked.match)
    except StaleError as stale:
        more = {"state": stale.state, "text": stale.text, "diff": stale.diff}
        raise Problem(412, str(stale), {"ETag": f'"{stale.state}"'}, **more) from None
    saved = await house.quick.run(read_rule_file, house.office, name)
    return _with_state(saved, {"name": name, "state": saved.state, **drafts.told(checked)})


async def _check(asked: Asked) -> Any:
    return drafts.told(await drafts.check(asked.house, asked.body.file, asked.body.text))


async def _diff(asked: Asked) -> Any:
    found = await drafts.compare(asked.house, asked.body.file, asked.body.text)
    return {"differences": [rules.difference_json(one) for one in found]}


async def _backtest(asked: Asked) -> Any:
    house, body = asked.house, asked.body
    since = read_past("since", body.since, house.office.zone, house.clock.now_at())
    return await drafts.backtest(house, body.file, body.text, last=body.last, since=since)


async def _apply(asked: Asked) -> Any:
    return await acts.apply(asked.house, asked.visitor)


async def _history(asked: Asked) -> Any:
    return {"history": await asked.house.quick.run(lambda: list(rules.history(asked.house.office.journal)))}


async def _rollback(asked: Asked) -> Any:
    body = asked.body
    went, waits = await acts.rollback(asked.house, asked.visitor, body.number, keep_files=body.keep_files)
    return {**acts.went_json(went), "waits": waits}


async def _pin(asked: Asked) -> Any:
    body = asked.body
    length = pin_length(body.for_)
    if length is None:
        raise Problem(422, "for is a length of time such as 30m, 2h or 3d, at most 366d")
    done, waits = await acts.pin(asked.house, asked.visitor, body.did, body.to, length, time=body.time, why=body.why)
    return {"name": done.name, "until": done.until.isoformat(), "asked": done.asked, "waits": waits}


async def _unpin(asked: Asked) -> Any:
    ended, waits = await acts.unpin(asked.house, asked.visitor, asked.body.pinned)
    return {"ended": ended, "waits": waits}


def _slow(*parts: Any, **more: Any) -> Operation:
    return replace(Operation(*parts, **more), within_s=SLOW_S)


OPERATIONS = (
    _slow("GET", "/rules", READ, "The rules that serve, in the order in which they win", _list, query=RulesQuery),
    Operation("GET", "/rules/files", READ, "The files of rules", _files),
    Operation("GET", "/rules/files/{name}", READ, "One file", _file, FileAnswer, refusals=(404,)),
    _slow(
        "PUT",
        "/rules/files/{name}",
        EDIT,
        "Save a file, where all rules check with it and nobody else saved meanwhile",
        _save,
        body=FileBody,
        refusals=(412, 428),
        needs_match=True,
    ),
    _slow(
        "POST", "/rules/check", READ, "Check the files, or a draft; nothing is saved", _check, CheckedAnswer, body=Draft
    ),
    _slow("POST", "/rules/diff", READ, "What sets the files, or a draft, apart from what serves", _diff, body=Draft),
    _slow("POST", "/rules/backtest", READ, "Which calls on record would go elsewhere", _backtest, body=BacktestBody),
    _slow("POST", "/rules/apply", EDIT, "Take the files over", _apply, refusals=(409,)),
    Operation("GET", "/rules/history", READ, "The rules that were applied, newest first", _history),
    _slow("POST", "/rules/rollback", EDIT, "Let former rules serve again", _rollback, body=RollbackBody),
    _slow("POST", "/rules/pin", EDIT, "Send calls elsewhere, at once and for a while", _pin, body=PinBody),
    _slow("POST", "/rules/unpin", EDIT, "End a pin now", _unpin, body=UnpinBody),
)
