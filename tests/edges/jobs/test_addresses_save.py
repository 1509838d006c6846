"""The CRM's addresses on record, found by a real look-up in /etc/hosts."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.jobs.addresses_save import AddressKeeper
from fallbackrouter.store.addresses import load_addresses
from fallbackrouter.store.migrate import upgrade

pytestmark = pytest.mark.anyio


async def keep(host: str, journal: Path, threads: ThreadPoolExecutor) -> AddressKeeper:
    keeper = AddressKeeper(host, journal=journal, clock=SystemClock(), max_stale_s=86_400, in_thread=threads.submit)
    await keeper.start()
    return keeper


async def test_what_was_found_is_saved(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    upgrade(journal)
    with ThreadPoolExecutor(1) as threads:
        keeper = await keep("localhost", journal, threads)
        async with asyncio.timeout(30):
            while not (saved := load_addresses(journal)):
                await asyncio.sleep(0.02)
        await keeper.close()
    assert {one.host for one in saved} == {"localhost"}
    assert {one.address for one in saved} <= {"127.0.0.1", "::1"}


async def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with ThreadPoolExecutor(1) as threads:
        keeper = await keep("localhost", tmp_path / "journal.db", threads)
        await asyncio.sleep(0.2)
        await keeper.close()
