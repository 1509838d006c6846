"""Telling alerts: real journal, programs and webhook; in order, each until it is told, also after a restart."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.core.errors import StoreError
from fallbackrouter.crm.event_client import EventClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.jobs import alerts
from fallbackrouter.jobs.alert_command import MAX_TRIES, CommandWay
from fallbackrouter.jobs.alert_webhook import WebhookWay
from fallbackrouter.jobs.alerts import AlertJob, Daily, Failed, Way
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.opened import opened
from tests.fakes.clock import FakeClock
from tests.fakes.http import Asked, read_request, whole
from tests.fakes.service import alive

pytestmark = pytest.mark.anyio

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fresh") / "journal.db"
    upgrade(path)
    return path


@pytest.fixture
def journal(tmp_path: Path, fresh: Path) -> Path:
    return Path(shutil.copy(fresh, tmp_path / "journal.db"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "FIRST_AGAIN_S", 0.001)
    monkeypatch.setattr(alerts, "MOST_AGAIN_S", 0.001)


class Listens:
    """A way that keeps what it is told, after as many failures as it was given."""

    name = "command"

    def __init__(self, *failures: Failed) -> None:
        self.failures = list(failures)
        self.told: list[dict[str, Any]] = []
        self.ids: list[str] = []

    async def tell(self, alert_id: str, body: bytes) -> Failed | None:
        if self.failures:
            return self.failures.pop(0)
        self.told.append(json.loads(body))
        self.ids.append(alert_id)
        return None

    @property
    def kinds(self) -> list[str]:
        return [f"{one['part']} {one['kind']}" for one in self.told]


def happened(journal: Path, clock: FakeClock, part: str, state: str, reason: str = "why") -> None:
    with opened(journal) as connection:
        sql = "INSERT INTO incidents (at, part, state, reason) VALUES (?, ?, ?, ?)"
        connection.execute(sql, (to_ms(clock.now_at()), part, state, reason))


def job(
    journal: Path, way: Way, clock: FakeClock, *, daily: Daily | None = None, timeout_s: float = PATIENCE_S
) -> AlertJob:
    async def at_once(work: Callable[[], object]) -> object:
        return work()

    return AlertJob(
        way,
        journal,
        node="pbx1",
        timeout_s=timeout_s,
        calm_s=900,
        daily=daily,
        in_thread=at_once,
        chance=lambda: 1.0,
        clock=clock,
    )


async def test_a_way_that_is_new_tells_what_happens_from_then_on(journal: Path) -> None:
    clock, way = FakeClock(), Listens()
    happened(journal, clock, "routes feed", "failing")
    clock.move(3600)
    teller = job(journal, way, clock)
    await teller.turn()
    happened(journal, clock, "crm breaker", "open", "5 in a row failed")
    happened(journal, clock, "crm breaker", "closed")
    await teller.turn()
    assert way.kinds == ["crm breaker begins", "crm breaker ends"]
    first = way.told[0]
    assert (first["v"], first["node"], first["state"], first["reason"]) == (1, "pbx1", "open", "5 in a row failed")
    assert first["text"] == "crm breaker is open: 5 in a row failed"
    assert teller.told == 2


async def test_what_happened_while_the_service_was_started_is_told_too(journal: Path) -> None:
    clock, way = FakeClock(), Listens()
    happened(journal, clock, "crm breaker", "open")
    clock.move(5)
    await job(journal, way, clock).turn()
    assert way.kinds == ["crm breaker begins"]


async def test_what_was_not_told_before_a_restart_is_told_after_it_and_nothing_twice(journal: Path) -> None:
    clock, before, after = FakeClock(), Listens(), Listens()
    first = job(journal, before, clock)
    await first.turn()
    happened(journal, clock, "crm breaker", "open")
    await first.turn()
    happened(journal, clock, "crm breaker", "closed")
    happened(journal, clock, "routes feed", "failing")
    clock.move(600)
    await job(journal, after, clock).turn()
    assert before.kinds == ["crm breaker begins"]
    assert after.kinds == ["crm breaker ends", "routes feed begins"]
    await job(journal, after, clock).turn()
    assert len(after.told) == 2
    assert len({*before.ids, *after.ids}) == 3


async def test_a_part_that_flapped_before_a_restart_flaps_after_it(journal: Path) -> None:
    clock, before, after = FakeClock(), Listens(), Listens()
    first = job(journal, before, clock)
    await first.turn()
    for state in ("open", "closed") * 3:
        happened(journal, clock, "crm breaker", state)
        clock.move(10)
    await first.turn()
    second = job(journal, after, clock)
    happened(journal, clock, "crm breaker", "open")
    await second.turn()
    assert before.kinds[-1] == "crm breaker flaps"
    assert after.kinds == []
    clock.move(901)
    await second.turn()
    assert [(one["kind"], one["count"], one["state"]) for one in after.told] == [("calm", 4, "open")]
    last = Listens()
    await job(journal, last, clock).turn()
    assert last.kinds == [], "that it was calm is told once"


async def test_it_is_tried_until_it_is_told_and_in_order(journal: Path) -> None:
    clock, way = FakeClock(), Listens(*[Failed("no answer")] * 7)
    teller = job(journal, way, clock)
    await teller.turn()
    happened(journal, clock, "crm breaker", "open")
    happened(journal, clock, "crm breaker", "closed")
    await teller.turn()
    assert way.kinds == ["crm breaker begins", "crm breaker ends"]
    assert (teller.told, teller.failures, teller.reason) == (2, 7, "")


async def test_what_is_refused_is_given_up_and_the_next_is_told(journal: Path) -> None:
    clock, way = FakeClock(), Listens(Failed("it answered 400", again=False))
    teller = job(journal, way, clock)
    await teller.turn()
    happened(journal, clock, "crm breaker", "open")
    happened(journal, clock, "routes feed", "failing")
    await teller.turn()
    assert way.kinds == ["routes feed begins"]


async def test_another_journal_is_told_of_from_its_beginning(journal: Path) -> None:
    clock, way = FakeClock(), Listens()
    teller = job(journal, way, clock)
    await teller.turn()
    for _ in range(5):
        happened(journal, clock, "routes feed", "failing")
    await teller.turn()
    with opened(journal) as connection:
        connection.execute("DELETE FROM incidents")
    happened(journal, clock, "crm breaker", "open")
    await teller.turn()
    assert way.kinds[-1] == "crm breaker begins"


async def test_a_journal_that_is_gone_is_told_as_such_and_ends_nothing(journal: Path) -> None:
    clock, way = FakeClock(), Listens()
    teller = job(journal, way, clock)
    await teller.turn()
    aside = journal.rename(journal.with_suffix(".aside"))  # noqa: ASYNC240 - a test's own file
    with pytest.raises(StoreError):
        await teller.turn()
    aside.rename(journal)
    happened(journal, clock, "crm breaker", "open")
    await teller.turn()
    assert way.kinds == ["crm breaker begins"]


async def test_the_daily_line_comes_once_a_day_and_not_for_a_day_that_nobody_saw(journal: Path) -> None:
    clock, way = FakeClock(datetime(2026, 3, 2, 10, 0, tzinfo=UTC)), Listens()
    daily = Daily(time(9), UTC, lambda until: f"calls until {until:%d.%m.}")
    teller = job(journal, way, clock, daily=daily)
    await teller.turn()
    assert way.told == []
    for _ in range(3):
        clock.move(8 * 3600)
        await teller.turn()
    clock.move(60)
    await job(journal, way, clock, daily=daily).turn()
    assert [(one["kind"], one["text"]) for one in way.told] == [("daily", "calls until 03.03.")]


# --- by a command ---------------------------------------------------------------------------------------------------

WRITES = """import os, sys
open(sys.argv[1], 'a').write(sys.stdin.read() + os.environ.get('FALLBACKROUTER_CRM__TOKEN', 'none'))
"""


async def test_a_command_gets_the_alert_on_stdin_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "said"
    environ = {"PATH": "/usr/bin", "FALLBACKROUTER_CRM__TOKEN": "hush"}
    way = CommandWay([sys.executable, "-c", WRITES, str(file), "$(id); `id`"], environ)
    assert await way.tell("1", b'{"v":1}') is None
    assert file.read_text(encoding="utf-8") == '{"v":1}\nnone'


async def test_a_command_that_fails_is_tried_a_few_times() -> None:
    way = CommandWay(["/usr/bin/false"])
    outcomes = [await way.tell("1", b"{}") for _ in range(MAX_TRIES)]
    assert [outcome.again for outcome in outcomes if outcome] == [True] * (MAX_TRIES - 1) + [False]
    another = await way.tell("2", b"{}")
    assert another
    assert another.again


async def test_a_command_that_is_not_there_is_a_failure_with_its_reason() -> None:
    outcome = await CommandWay(["/nowhere/at/all"]).tell("1", b"{}")
    assert outcome
    assert "no such file" in outcome.reason


async def test_a_command_that_hangs_is_ended_with_all_that_it_started(journal: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! > {pids}.part; mv {pids}.part {pids}; wait"
    task = asyncio.create_task(CommandWay(["/bin/sh", "-c", script]).tell("1", b"x" * 1_000_000))
    async with asyncio.timeout(PATIENCE_S):
        while not pids.exists():
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait({task})
        pid = int(pids.read_text(encoding="utf-8"))
        while alive(pid):
            await asyncio.sleep(0.02)
    assert task.cancelled()


async def test_a_way_that_hangs_is_given_its_time_and_no_more(journal: Path) -> None:
    class HangsOnce(Listens):
        async def tell(self, alert_id: str, body: bytes) -> Failed | None:
            if not self.failures:
                self.failures.append(Failed("was here"))
                await asyncio.sleep(3600)
            self.failures.clear()
            self.told.append(json.loads(body))
            return None

    clock, way = FakeClock(), HangsOnce()
    teller = job(journal, way, clock, timeout_s=0.05)
    await teller.turn()
    happened(journal, clock, "crm breaker", "open")
    await teller.turn()
    assert way.kinds == ["crm breaker begins"]
    assert teller.failures == 1


# --- by a webhook ---------------------------------------------------------------------------------------------------


class Hook:
    """A webhook that answers as it is told."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked: list[Asked] = []
        self.port = 0
        self._served: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def way(self) -> AsyncIterator[WebhookWay]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        clock = SystemClock()
        resolver = Resolver(clock=clock, max_stale_s=60)
        client = EventClient(
            url=f"http://127.0.0.1:{self.port}/hook",
            token="secret",  # noqa: S106 - the test's own
            resolver=resolver,
            max_in_flight=1,
            keepalive_s=0,
            ca_file="",
            client_cert="",
            client_key="",
            clock=clock,
            key="alerts.webhook",
        )
        try:
            yield WebhookWay(client)
        finally:
            await client.close()
            await resolver.close()
            server.close()
            await server.wait_closed()
            await asyncio.gather(*self._served)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._served.add(task)
        self.asked.append(await read_request(reader))
        writer.write(whole(b"{}", self.statuses.pop(0) if self.statuses else 200, "Connection: close"))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_webhook_gets_the_alert_with_its_token_and_the_same_key_at_each_try(journal: Path) -> None:
    clock, hook = FakeClock(), Hook(503, 500, 429, 200)
    async with hook.way() as way:
        teller = job(journal, way, clock)
        await teller.turn()
        happened(journal, clock, "crm breaker", "open")
        await teller.turn()
    assert [asked.body and asked.body["part"] for asked in hook.asked] == ["crm breaker"] * 4
    assert {asked.headers["authorization"] for asked in hook.asked} == {"Bearer secret"}
    assert len({asked.headers["idempotency-key"] for asked in hook.asked}) == 1
    assert {(asked.method, asked.path) for asked in hook.asked} == {("POST", "/hook")}


async def test_a_webhook_that_refuses_is_not_asked_again(journal: Path) -> None:
    clock, hook = FakeClock(), Hook(403)
    async with hook.way() as way:
        teller = job(journal, way, clock)
        await teller.turn()
        happened(journal, clock, "crm breaker", "open")
        await teller.turn()
        assert (teller.told, teller.failures) == (0, 1)
        clock.at += timedelta(seconds=1)
        happened(journal, clock, "routes feed", "failing")
        await teller.turn()
        assert teller.told == 1
