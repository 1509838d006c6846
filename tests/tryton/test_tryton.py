"""Tryton as the CRM: it answers, feeds 5,000 routes, changes, goes away and comes back."""

import asyncio
import json
from typing import Any

from fallbackrouter.store.routes_read import read_routes
from tests.fakes import asterisk
from tests.fakes.asterisk import Channel
from tests.fakes.service import Service, wait_until
from tests.fakes.whole import DID, Whole
from tests.proof.figures import Record
from tests.tryton.conftest import PARTIES
from tests.tryton.desk import Desk
from tests.tryton.invented import manager_of

AT_ONCE = 8
ASKED = 1000
CALLS_REPORTED = 200
STAGES = ("start", "end_failed")


def caller_of(party: int) -> str:
    """Return a party's number as a Russian trunk hands it over."""
    return f"8950{party:07}"


def call(port: int, party: int, data: str = "ask,${EXTEN},init", uniqueid: str = "1.1") -> dict[str, str]:
    channel = Channel(exten=DID, caller=caller_of(party), uniqueid=uniqueid)
    return asyncio.run(asterisk.call(port, data, channel, within_s=60)).variables


def call_all(port: int, parties: range, data: str = "ask,${EXTEN},init") -> dict[int, dict[str, str]]:
    """Let parties call, some at a time, and return what each call got."""
    numbers = iter(parties)
    got: dict[int, dict[str, str]] = {}

    async def caller() -> None:
        for party in numbers:
            channel = Channel(exten=DID, caller=caller_of(party), uniqueid=f"1700000000.{party}")
            got[party] = (await asterisk.call(port, data, channel, within_s=60)).variables

    async def all_callers() -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(AT_ONCE):
                callers.create_task(caller())

    asyncio.run(all_callers())
    return got


def fed(whole: Whole) -> dict[str, str]:
    """Return caller -> extension of all synced routes."""
    path = whole.data_dir / "routes.db"
    return {row["caller"]: row["result"]["num"] for row in read_routes(path)} if path.exists() else {}


def syncs(service: Service) -> list[dict[str, Any]]:
    """Return what the daemon's log tells of each sync that brought something."""
    lines = [json.loads(line) for line in service.stderr.splitlines() if "routes synced" in line]
    return [line for line in lines if line["event"] == "routes synced"]


def sources(got: dict[int, dict[str, str]]) -> dict[str, int]:
    told = [one["FR_SOURCE"] for one in got.values()]
    return {source: told.count(source) for source in set(told)}


def serving(whole: Whole) -> Service:
    """Start the daemon and wait until calls have all routes."""
    service = whole.start().ready()
    wait_until(lambda: service.status()["routes"] > PARTIES - 10, "the routes of all parties in the workers", 60)
    return service


def test_calls_go_to_the_managers_that_tryton_names(whole: Whole, desk: Desk, record_figure: Record) -> None:
    service = serving(whole)
    wait_until(lambda: call(service.port, 0)["FR_SOURCE"] == "live", "the first live answer")
    got = call_all(service.port, range(1, ASKED))
    assert {party: one["num"] for party, one in got.items()} == {party: manager_of(party) for party in got}
    live = sources(got)["live"]
    assert live > 0.9 * len(got)
    assert call(service.port, PARTIES)["FR_SOURCE"] == "last_resort"
    record_figure("calls, each to the manager whom Tryton names for its caller", len(got))
    record_figure("of them answered live, by Tryton itself", live)


def test_all_routes_serve_calls_while_tryton_is_killed(whole: Whole, desk: Desk, record_figure: Record) -> None:
    service = serving(whole)
    assert fed(whole) == {f"7950{party:07}": manager_of(party) for party in range(PARTIES)}
    wait_until(lambda: call(service.port, 0)["FR_SOURCE"] == "live", "a live answer, to be remembered")
    desk.kill()
    got = call_all(service.port, range(PARTIES))
    assert {party: one["num"] for party, one in got.items()} == {party: manager_of(party) for party in range(PARTIES)}
    assert set(sources(got)) <= {"synced", "remembered"}
    assert got[0]["FR_SOURCE"] == "remembered"
    desk.open()
    wait_until(lambda: call(service.port, 1)["FR_SOURCE"] == "live", "Tryton's answers again")
    record_figure("routes of Tryton's parties, all synced and true", PARTIES)
    record_figure("calls while Tryton was killed, each to its manager by a synced or a remembered route", len(got))


def test_what_changes_in_tryton_reaches_calls_by_the_next_delta(whole: Whole, desk: Desk) -> None:
    whole.config.write_text(
        whole.config.read_text(encoding="utf-8").replace(f'url = "{desk.url}/callin/{{stage}}"\n', "", 1),
        encoding="utf-8",
    )
    service = serving(whole)
    wait_until(lambda: call(service.port, 4992)["num"] == manager_of(4992), "the routes to serve")
    assert [call(service.port, party)["num"] for party in (4990, 4991)] == [manager_of(4990), manager_of(4991)]
    desk.do("hand-over", "4990", "999")
    desk.do("deactivate", "4991")
    desk.do("delete-number", "4992")
    wait_until(lambda: call(service.port, 4990)["num"] == "999", "the new manager")
    wait_until(lambda: call(service.port, 4991)["FR_SOURCE"] == "last_resort", "the deactivated party to go")
    wait_until(lambda: call(service.port, 4992)["FR_SOURCE"] == "last_resort", "the deleted number to go")
    assert call(service.port, 4993)["num"] == manager_of(4993)
    assert len(fed(whole)) == PARTIES - 2
    desk.do("hand-over", "4990", manager_of(4990))
    wait_until(lambda: call(service.port, 4990)["num"] == manager_of(4990), "the former manager")
    wait_until(lambda: sum(one["changed"] for one in syncs(service)) == 2, "both changes in the log")
    first, *deltas = syncs(service)
    assert (first["full"], first["added"]) == (True, PARTIES)
    assert not any(delta["full"] for delta in deltas)
    assert sum(delta["removed"] for delta in deltas) == 2


def test_events_come_once_each_however_often_tryton_is_killed(whole: Whole, desk: Desk, record_figure: Record) -> None:
    service = serving(whole)
    desk.kill()
    before = len(desk.events())
    for stage in STAGES:
        got = call_all(service.port, range(CALLS_REPORTED), f"event,${{EXTEN}},{stage},billsec=7")
        assert {one["FR_STATUS"] for one in got.values()} == {"ok"}
    expected = CALLS_REPORTED * len(STAGES)
    kills = 0
    for share in (0.1, 0.3, 0.6):
        desk.open()
        desk.wait_for_events(before + int(share * expected))
        desk.kill()
        kills += 1
    desk.open()
    told = desk.wait_for_events(before + expected)[before:]
    assert len(told) == len({event["event_id"] for event in told}) == expected
    in_order = {(event["id"], event["stage"], event["seq"]) for event in told}
    assert in_order == {
        (f"1700000000.{party}", stage, seq) for party in range(CALLS_REPORTED) for seq, stage in enumerate(STAGES, 1)
    }
    pending = "SELECT event_id FROM events WHERE state = 'pending'"
    wait_until(lambda: not whole.query(pending), "the journal to know it", 60)
    record_figure("events stored by the bridge to Tryton, once each", expected)
    record_figure("SIGKILLs of the bridge meanwhile", kills)
