"""Operations on rules: what serves, the files, check, diff, backtest, apply, history, rollback, pins."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta, field
from starlette.responses import Response

from fallbackrouter.admin.api.decisions import Dialled, Text
from fallbackrouter.admin.api.operation import SLOW_S, Asked, Fields, Operation, json_response
from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import EDIT, READ
from fallbackrouter.core.errors import ControlError, RefusedError
from fallbackrouter.jobs.rules_back import go_back
from fallbackrouter.office import rules
from fallbackrouter.office.moments import read_past
from fallbackrouter.office.pins import pin, pin_length, read_routes, unpin
from fallbackrouter.office.rule_files import (
    ABSENT,
    RuleFile,
    StaleError,
    check_draft,
    read_rule_file,
    rule_files,
    save_rule_file,
)
from fallbackrouter.rulesfile.check import Checked
from fallbackrouter.rulesfile.files import MAX_FILE_BYTES

APPLY_S = 70.0
TELL_S = 15.0
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
    async with audited(house, asked.visitor, "rules save", name) as entry:
        try:
            former, checked = await house.slow.run(save_rule_file, house.office, name, text, asked.match)
        except StaleError as stale:
            more = {"state": stale.state, "text": stale.text, "diff": stale.diff}
            raise Problem(412, str(stale), {"ETag": f'"{stale.state}"'}, **more) from None
        entry.before, entry.after = former.text, text
    saved = await house.quick.run(read_rule_file, house.office, name)
    return _with_state(saved, {"name": name, "state": saved.state, **_told(checked)})


def _told(checked: Checked) -> dict[str, Any]:
    problems = [rules.problem_json(one) for one in checked.problems]
    # By its name alone: where the folder lies is nobody's business who only writes rules.
    named = [{**problem, "file": Path(problem["file"]).name} for problem in problems]
    return {"ok": checked.ok, "rules": len(checked.rules), "problems": named}


async def _check(asked: Asked) -> Any:
    return _told(await asked.house.slow.run(_draft, asked))


def _draft(asked: Asked) -> Checked:
    office, draft = asked.house.office, asked.body
    return check_draft(office, draft.file, draft.text) if draft.file else office.check(office.rules_dir)


async def _diff(asked: Asked) -> Any:
    def rows() -> Any:
        serving = rules.serving_rules(asked.house.office) or ()
        return list(rules.difference_rows(serving, rules.good(_draft(asked))))

    return {"differences": await asked.house.slow.run(rows)}


async def _backtest(asked: Asked) -> Any:
    house, body = asked.house, asked.body
    since = read_past("since", body.since, house.office.zone, house.clock.now_at())

    def tested() -> Any:
        tried = rules.good(_draft(asked))
        return rules.report_json(rules.backtest(house.office, tried, last=body.last, since=since))

    return await house.slow.run(tested)


async def _apply(asked: Asked) -> Any:
    house = asked.house
    async with audited(house, asked.visitor, "rules apply") as entry:
        entry.before = {"serving": await house.quick.run(_newest, house.office.journal)}
        try:
            found = await house.snapshot.command({"do": "apply"}, APPLY_S)
        except RefusedError as refusal:
            checked = await house.slow.run(house.office.check, house.office.rules_dir)
            if checked.ok:
                raise
            raise Problem(422, str(refusal), problems=_told(checked)["problems"]) from None
        entry.after = {"serving": await house.quick.run(_newest, house.office.journal), "rules": found["rules"]}
    return {"changed": found["changed"], "rules": found["rules"]}


def _newest(journal: Path) -> Any:
    return next(rules.history(journal), None)


async def _history(asked: Asked) -> Any:
    return {"history": await asked.house.quick.run(lambda: list(rules.history(asked.house.office.journal)))}


async def _rollback(asked: Asked) -> Any:
    house, body = asked.house, asked.body
    async with audited(house, asked.visitor, "rules rollback", str(body.number or "")) as entry:
        entry.before = {"serving": await house.quick.run(_newest, house.office.journal)}

        def back() -> Any:
            office = house.office
            return go_back(
                office.journal, office.rules_dir, body.number, house.clock.now_at(), keep_files=body.keep_files
            )

        went = await house.slow.run(back)
        answer = {
            "to": went.to,
            "number": went.number,
            "rules": went.count,
            "files": went.files,
            "why_not": went.why_not,
        }
        entry.after = answer
    return {**answer, "waits": await _tell(asked)}


async def _pin(asked: Asked) -> Any:
    house, body = asked.house, asked.body
    length = pin_length(body.for_)
    if length is None:
        raise Problem(422, "for is a length of time such as 30m, 2h or 3d, at most 366d")

    def pinned() -> Any:
        return pin(house.office, body.did, read_routes(body.to, body.time), length, house.clock.now_at(), why=body.why)

    async with audited(house, asked.visitor, "rules pin", body.did) as entry:
        done = await house.slow.run(pinned)
        entry.after = body
    answer = {"name": done.name, "until": done.until.isoformat(), "asked": done.asked}
    return {**answer, "waits": await _tell(asked)}


async def _unpin(asked: Asked) -> Any:
    house, wanted = asked.house, asked.body.pinned
    async with audited(house, asked.visitor, "rules unpin", wanted) as entry:
        ended = await house.slow.run(unpin, house.office, wanted, house.clock.now_at())
        entry.before = {"pins": ended}
    return {"ended": ended, "waits": await _tell(asked)}


async def _tell(asked: Asked) -> str:
    """Have the workers take the rules that were kept last, and return why they do not yet, "" where they did."""
    try:
        await asked.house.snapshot.command({"do": "rules_changed"}, TELL_S)
    except ControlError as error:
        return f"they serve from the router's next start ({error})"
    return ""


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
