"""Operations on decisions: list, one, statistics, replay; and what would become of a call."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from fallbackrouter.admin.api.operation import Asked, Fields, Operation
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import OPERATE, READ
from fallbackrouter.office.ask import play_asterisk, recorded, running_address
from fallbackrouter.office.explain import explain, read_moment
from fallbackrouter.office.replay import decide, told
from fallbackrouter.office.stats import stats_json
from fallbackrouter.office.wanted import wanted_of
from fallbackrouter.store.decisions import show_decision
from fallbackrouter.store.search import search
from fallbackrouter.store.statistics import statistics

Text = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Stage = Annotated[str, Meta(pattern="^[a-z0-9_]{1,32}$")]
Dialled = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[0-9A-Za-z+*#_.\-]+$")]
Caller = Annotated[str, Meta(max_length=80, pattern=r"^[0-9A-Za-z+*#_.\-]*$")]


class Filters(Fields, frozen=True):
    """The filters of `fallbackrouter decisions list`, spelled alike; of several all have to hold."""

    did: Text = ""
    caller: Text = ""
    source: Text = ""
    status: Text = ""
    rule: Text = ""
    since: Text = ""
    until: Text = ""
    slow: Text = ""
    drill: bool = False


class ListQuery(Filters, frozen=True):
    """The same, and how many."""

    limit: Limit = 50


class StatsQuery(Filters, frozen=True):
    """The same; the last 24 hours where nothing else is said."""

    since: Text = "24h"


class ReplayQuery(Fields, frozen=True):
    """When the call comes (else at its own moment), and by which rules."""

    at: Text = ""
    files: bool = False


class ExplainQuery(Fields, frozen=True):
    """A call: no caller means that the number is withheld."""

    did: Dialled
    caller: Caller = ""
    stage: Stage = "init"
    at: Text = ""
    files: bool = False


class AskBody(Fields, frozen=True):
    """A call: no caller means that the number is withheld."""

    did: Dialled
    caller: Caller = ""
    stage: Stage = "init"


class Decision(TypedDict):
    """A decision, as docs/journal.md has it."""

    v: int
    id: str
    at: str
    node: str
    call_id: str
    did: str
    caller: str
    stage: str
    source: str
    rule: str
    status: str
    ms: float | None
    route: dict[str, str]
    trail: dict[str, Any]
    test: bool


class Decisions(TypedDict):
    """Decisions, newest first."""

    decisions: list[Decision]


async def _list(asked: Asked) -> Any:
    query: ListQuery = asked.query
    return {"decisions": await asked.house.quick.run(_found, asked, query)}


def _found(asked: Asked, query: ListQuery) -> list[Any]:
    return list(search(asked.house.office.journal, _wanted(asked, query), limit=query.limit))


def _wanted(asked: Asked, query: Filters) -> Any:
    filters = {name: getattr(query, name) for name in Filters.__struct_fields__}
    return wanted_of(asked.house.office, asked.house.clock.now_at(), **filters)


async def _one(asked: Asked) -> Any:
    return await asked.house.quick.run(_row, asked)


def _row(asked: Asked) -> Mapping[str, Any]:
    row = asyncio.run(show_decision(asked.house.office.journal, asked.path["id"]))
    if row is None:
        raise Problem(404, f"there is no decision {asked.path['id'][:60]}")
    return row


async def _stats(asked: Asked) -> Any:
    office = asked.house.office
    wanted = _wanted(asked, asked.query)
    return stats_json(await asked.house.slow.run(statistics, office.journal, wanted, office.zone))


async def _replay(asked: Asked) -> Any:
    def replay() -> Any:
        office, row = asked.house.office, _row(asked)
        moment = read_moment(asked.query.at or row["at"], office.zone, asked.house.clock.now_at())
        return told(row, decide(office, row, moment, files=asked.query.files), moment)

    return await asked.house.slow.run(replay)


async def _explain(asked: Asked) -> Any:
    query: ExplainQuery = asked.query
    office = asked.house.office
    moment = read_moment(query.at, office.zone, asked.house.clock.now_at())

    def explained() -> Any:
        return explain(office, query.did, query.caller, query.stage, moment=moment, files=query.files).as_json()

    return await asked.house.slow.run(explained)


async def _ask(asked: Asked) -> Any:
    body: AskBody = asked.body
    office = asked.house.office

    def ask() -> Any:
        address = running_address(office.data_dir, office.listen)
        variables = play_asterisk(address, body.did, body.caller, body.stage)
        return {"v": 1, "variables": variables, "decision": recorded(office.journal, variables.get("FR_DECISION", ""))}

    return await asked.house.quick.run(ask)


OPERATIONS = (
    Operation("GET", "/decisions", READ, "Decisions, newest first", _list, Decisions, query=ListQuery),
    Operation("GET", "/decisions/stats", READ, "What decisions add up to", _stats, query=StatsQuery),
    Operation("GET", "/decisions/{id}", READ, "One decision with its trail", _one, Decision, refusals=(404,)),
    Operation(
        "GET",
        "/decisions/{id}/replay",
        READ,
        "What would become of the call today, beside what became of it",
        _replay,
        query=ReplayQuery,
        refusals=(404,),
    ),
    Operation("GET", "/explain", READ, "What would become of a call; nobody is asked", _explain, query=ExplainQuery),
    Operation(
        "POST",
        "/ask",
        OPERATE,
        "Ask the running router, which asks the CRM, as Asterisk does",
        _ask,
        body=AskBody,
        refusals=(409,),
    ),
)
