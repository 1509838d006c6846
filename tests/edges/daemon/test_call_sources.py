"""What a call worker answers from, taken while more and more of it comes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fallbackrouter.config.settings import Settings
from fallbackrouter.core.rulebook import Rulebook
from fallbackrouter.daemon.call_sources import CallSources
from fallbackrouter.daemon.call_tiers import CallTiers
from fallbackrouter.log import get_log
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.route_draft import RouteDraft
from fallbackrouter.tiers.rules import RuleTier
from fallbackrouter.tiers.synced import RouteTable, SyncedTier
from tests.fakes.calls import GATE
from tests.fakes.routes import AT, route_row

pytestmark = pytest.mark.anyio


class Watched(SyncedTier):
    """A tier that keeps in mind how many routes each copy had that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int] = []

    def swap(self, table: RouteTable) -> RouteTable | None:
        self.given.append(table.count)
        return super().swap(table)


def publish(folder: Path, count: int) -> None:
    draft = RouteDraft(folder / "routes.db", delta=False)
    draft.put([route_row(str(one), f"7495{one:07d}") for one in range(count)])
    draft.publish(draft.lay(), synced_at=AT, facts={"generation": f"of {count}"})


@pytest.fixture
def tier() -> Watched:
    return Watched()


@pytest.fixture
async def sources(tmp_path: Path, tier: Watched) -> AsyncIterator[CallSources]:
    settings = Settings(last_resort={"app": "hangup"})
    journal = JournalWriter(tmp_path / "journal.db", on_note=print, on_overflow=print)
    made = CallTiers.make(settings, GATE, journal)
    empty = RuleTier(Rulebook(()))
    tiers = CallTiers(empty, made.remembered, tier, empty)
    taken = CallSources(
        settings, data_dir=tmp_path, gate=GATE, read_number=Numbering("").read, tiers=tiers, log=get_log("test")
    )
    yield taken
    if taken._copy is not None:
        taken._copy.close()
    taken.close()


async def test_several_words_of_new_routes_at_once_make_one_copy(
    tmp_path: Path, sources: CallSources, tier: Watched
) -> None:
    publish(tmp_path, 3)
    assert await asyncio.gather(*(sources.take_routes() for _ in range(5))) == [3] * 5
    publish(tmp_path, 4)
    assert await asyncio.gather(*(sources.take_routes() for _ in range(5))) == [4] * 5
    assert tier.given == [3, 4]
