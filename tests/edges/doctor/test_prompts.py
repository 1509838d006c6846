"""What doctor says of prompts: programs, voices, room, and who may read the folder."""

import pwd
import shutil
from pathlib import Path
from typing import Any

import pytest

from fallbackrouter.config.load import Loaded
from fallbackrouter.config.settings import Prompts, Settings
from fallbackrouter.doctor.finding import Finding
from fallbackrouter.doctor.prompts import check_prompts, readable

pytestmark = pytest.mark.anyio


async def check(folder: Path, **prompts: Any) -> list[Finding]:
    settings = Settings(last_resort={"app": "hangup"}, prompts=Prompts(**prompts))
    return await check_prompts(Loaded(settings, None, folder))


async def test_without_a_folder_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert [finding.level for finding in await check(tmp_path)] == ["skip"]


async def test_missing_programs_are_named_with_what_to_install(tmp_path: Path) -> None:
    found = await check(tmp_path, dir="prompts", converter="no-sox", command=["no-voice"])
    assert [(finding.level, finding.what.split(",")[0]) for finding in found[:2]] == [
        ("fail", "no-sox is not there"),
        ("fail", "no-voice is not there"),
    ]
    assert all("apt-get install" in finding.remedy for finding in found[:2])
    assert (found[2].level, "is not there" in found[2].what) == ("warn", True)


@pytest.mark.skipif(not (shutil.which("sox") and shutil.which("espeak-ng")), reason="needs sox and espeak-ng")
async def test_every_voice_has_to_speak(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    good, room, *_ = await check(tmp_path, dir="prompts", voices={"ru": "ru"}, max_mb=1)
    assert (good.level, good.what) == ("ok", "sox and espeak-ng work")
    assert room.level == "ok"
    bad, *_ = await check(tmp_path, dir="prompts", voices={"en": "zz-nobody"})
    assert (bad.level, "zz-nobody cannot speak" in bad.what) == ("fail", True)


async def test_a_folder_that_asterisks_user_may_not_enter_is_told_of() -> None:
    place = Path("/proc/self/task")  # for anyone to read
    me = pwd.getpwuid(65534).pw_name
    assert readable(place, me).level == "ok"
    assert readable(place, "no-such-user").level == "skip"
    found = readable(Path("/root"), me)
    assert (found.level, "chmod" in found.remedy) == ("fail", True)
