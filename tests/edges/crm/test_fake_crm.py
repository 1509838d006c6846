"""The fake as a process: it can be misbehaved with, changed at run time, killed and brought back."""

import asyncio

import pytest

from fallbackrouter.core.verdict import Hit, Miss, Unavailable, Verdict
from fallbackrouter.crm.client import CrmClient
from tests.fakes.calls import call
from tests.fakes.certificates import Authority
from tests.fakes.crm_client import crm_client
from tests.fakes.crm_process import CrmProcess

pytestmark = pytest.mark.anyio


async def asked(client: CrmClient) -> Verdict:
    async with asyncio.timeout(60):
        return (await client.ask(call(), "d-1", 300)).verdict


@pytest.mark.parametrize("mode", ["hang", "deaf"])
async def test_its_mode_changes_at_run_time_in_every_mode(mode: str) -> None:
    with CrmProcess("--mode", mode) as crm:
        async with crm_client(crm.url) as client:
            task = asyncio.create_task(asked(client))
            done, _ = await asyncio.wait({task}, timeout=0.3)
            assert not done
            task.cancel()
            await asyncio.wait({task})
            assert crm.state()["met"] == {mode: 1}
            crm.set_mode("ok")
            assert isinstance(await asked(client), Hit)
            crm.set_answers({"632": {"app": "auto"}})
            assert isinstance(await asked(client), Miss)
            assert [request["body"]["phonenumber"] for request in crm.requests()][-1] == "74951111111"
            with pytest.raises(ValueError, match="no mode"):
                crm.set_mode("dance")


async def test_a_crm_that_is_killed_and_comes_back_is_asked_again_at_once() -> None:
    with CrmProcess() as crm:
        async with crm_client(crm.url) as client:
            for _ in range(3):
                assert isinstance(await asked(client), Hit)
                crm.kill()
                assert await asked(client) == Unavailable("connection refused")
                crm.start()
                assert isinstance(await asked(client), Hit)


async def test_it_speaks_https(authority: Authority) -> None:
    made = authority.issue("process", "IP:127.0.0.1")
    with CrmProcess("--cert", str(made.cert), "--key", str(made.key)) as crm:
        async with crm_client(crm.url, tls=(str(authority.ca_file), "", "")) as client:
            assert isinstance(await asked(client), Hit)


async def test_floods_from_another_process_leave_the_loop_its_turns() -> None:
    """A peer that sends faster than we read must not keep other calls from running."""
    with CrmProcess("--mode", "early_hints") as crm:
        async with crm_client(crm.url) as client:
            turns = 0
            task = asyncio.create_task(asked(client))
            while not task.done():
                turns += 1
                await asyncio.sleep(0)
            assert turns >= 3
