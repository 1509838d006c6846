"""Operations on the service: status, drill, sync, routes, and the audit log."""

from itertools import islice
from typing import Annotated, Any, Literal

from msgspec import Meta

from fallbackrouter.admin.api.decisions import Limit, Text
from fallbackrouter.admin.api.operation import Asked, Fields, Operation
from fallbackrouter.admin.audited import audited
from fallbackrouter.admin.problem import Problem
from fallbackrouter.admin.visitor import EDIT, OPERATE, READ
from fallbackrouter.jobs.sync_status import sync_status
from fallbackrouter.office.routes import chosen
from fallbackrouter.store.audit import list_entries
from fallbackrouter.store.routes_read import find_route

DRILL_S = 10.0
SYNC_S = 10.0


class RoutesQuery(Fields, frozen=True):
    """Only routes that match these numbers."""

    did: Text = ""
    caller: Text = ""
    limit: Limit = 50


class DrillBody(Fields, frozen=True):
    """What fails, for how long, and for which share of the questions to the CRM."""

    fault: Literal["dns", "connect", "hang", "slow", "error", "garbage"]
    for_s: Annotated[float, Meta(gt=0, le=3600)]
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0


class AuditQuery(Fields, frozen=True):
    """How many, and only those that are older than this one."""

    limit: Limit = 50
    before: Text = ""


async def _status(asked: Asked) -> Any:
    return {"v": 1, **await asked.house.snapshot.latest()}


async def _drill(asked: Asked) -> Any:
    return {"drill": (await asked.house.snapshot.latest())["drill"]}


async def _begin(asked: Asked) -> Any:
    body: DrillBody = asked.body
    async with audited(asked.house, asked.visitor, "drill begin", body.fault) as entry:
        order = {"do": "drill", "fault": body.fault, "for_s": body.for_s, "share": body.share}
        entry.after = began = await asked.house.snapshot.command(order, DRILL_S)
    return {"drill": began}


async def _end(asked: Asked) -> Any:
    async with audited(asked.house, asked.visitor, "drill end") as entry:
        entry.after = ended = await asked.house.snapshot.command({"do": "drill_end"}, DRILL_S)
    return ended


async def _routes_status(asked: Asked) -> Any:
    office = asked.house.office

    def status() -> Any:
        return sync_status(
            office.data_dir, now_at=asked.house.clock.now_at(), stale_after_s=office.stale_after_s
        ).as_json()

    return {"v": 1, **await asked.house.quick.run(status)}


async def _routes(asked: Asked) -> Any:
    query: RoutesQuery = asked.query

    def rows() -> Any:
        office = asked.house.office
        return list(islice(chosen(office, query.did, query.caller), query.limit)) if office.routes.exists() else []

    return {"routes": await asked.house.slow.run(rows)}


async def _route(asked: Asked) -> Any:
    file = asked.house.office.routes
    row = await asked.house.quick.run(find_route, file, asked.path["id"]) if file.exists() else None
    if row is None:
        raise Problem(404, f"there is no route {asked.path['id'][:60]}")
    return {"v": 1, **row}


async def _audit(asked: Asked) -> Any:
    query: AuditQuery = asked.query
    return {"audit": await asked.house.quick.run(list_entries, asked.house.accounts.file, query.limit, query.before)}


OPERATIONS = (
    Operation("GET", "/status", READ, "The state of every part", _status),
    Operation("GET", "/drill", READ, "The drill that is on, null for none", _drill),
    Operation("POST", "/drill", OPERATE, "Begin a drill", _begin, body=DrillBody, refusals=(409,), within_s=30.0),
    Operation("DELETE", "/drill", OPERATE, "End the drill that is on", _end, refusals=(409,)),
    Operation(
        "GET", "/routes/status", READ, "How many routes there are, how old, and how the feed does", _routes_status
    ),
    Operation(
        "GET", "/routes", READ, "The CRM's routes, all or those that match", _routes, query=RoutesQuery, within_s=60.0
    ),
    Operation("GET", "/routes/{id}", READ, "One route", _route, refusals=(404,)),
    Operation("GET", "/audit", EDIT, "Who changed what, newest first", _audit, query=AuditQuery),
)
