"""A worker's prompts: what lies in the folder is in memory, and a folder that stalls holds nothing up."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from fallbackrouter.config.settings import Prompts, Settings
from fallbackrouter.core.prompt import AUDIO, Prompt
from fallbackrouter.daemon.worker_prompts import WorkerPrompts
from fallbackrouter.prompts.files import RATES
from fallbackrouter.prompts.ledger import NAME, Document, entry_of, save_entries

pytestmark = pytest.mark.anyio

CONTENT = "0" * 32
ENTRY = msgspec.structs.replace(entry_of(Prompt(AUDIO, "http://crm.example/hello.wav")), content=CONTENT)
SAFE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for extension in RATES:
        (tmp_path / f"{CONTENT}{extension}").write_bytes(b"RIFF")
    return tmp_path


def prompts_of(folder: Path) -> WorkerPrompts:
    settings = Settings(last_resort={"app": "group", "num": "100"}, prompts=Prompts(dir=str(folder)))
    prompts = WorkerPrompts.where_wanted(settings, base=folder)
    assert prompts is not None
    return prompts


async def test_what_lies_there_is_taken(folder: Path) -> None:
    save_entries(folder, [ENTRY])
    prompts = prompts_of(folder)
    async with asyncio.timeout(SAFE_S):
        await prompts.take()
        while not len(prompts.shelf):
            await asyncio.sleep(0.01)
    prompts.close()


async def test_a_folder_that_stalls_is_not_waited_for_and_taken_once_it_answers(folder: Path) -> None:
    os.mkfifo(folder / NAME)  # whoever reads it waits for somebody to write
    prompts = prompts_of(folder)
    async with asyncio.timeout(SAFE_S):
        assert await prompts.take() == 0
        await asyncio.to_thread((folder / NAME).write_bytes, msgspec.json.encode(Document(1, [ENTRY])))
        while not len(prompts.shelf):
            await asyncio.sleep(0.01)
    prompts.close()
