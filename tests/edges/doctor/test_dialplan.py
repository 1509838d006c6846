"""The dialplan's files: found, read, judged."""

from pathlib import Path

import pytest

from fallbackrouter.doctor import dialplan
from fallbackrouter.doctor.dialplan import check_dialplan
from tests.fakes.examined import Examined, levels

GOOD = "[a]\nexten => s,1,Set(TIMEOUT(absolute)=1)\n same => n,AGI(agi://127.0.0.1:4573/)\nexten => T,1,NoOp()\n"
BAD = "[b]\nexten => s,1,AGI(agi://router:4573/)\n"


def test_a_guarded_dialplan_is_well(tmp_path: Path) -> None:
    (tmp_path / "extensions.conf").write_text(GOOD)
    (tmp_path / "sip.conf").write_text("[general]\n")
    [well] = check_dialplan((), {4573}, tmp_path)
    assert levels([well]) == ["ok"]
    assert "1 place(s)" in well.what


def test_every_file_of_the_folder_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "extensions.conf").write_text(GOOD)
    (tmp_path / "below" / "mine.conf").write_text(BAD)
    found = check_dialplan((), {4573}, tmp_path)
    assert levels(found) == ["warn", "warn"]
    assert all(f"{tmp_path}/below/mine.conf:2: " in finding.what for finding in found)


def test_a_named_file_is_looked_at_instead(tmp_path: Path) -> None:
    (tmp_path / "extensions.conf").write_text(BAD)
    (tmp_path / "mine").write_text(GOOD)
    assert levels(check_dialplan((tmp_path / "mine",), {4573}, tmp_path)) == ["ok"]


def test_a_named_file_that_is_not_there_fails(tmp_path: Path) -> None:
    [missing] = check_dialplan((tmp_path / "none",), {4573}, tmp_path)
    assert levels([missing]) == ["fail"]


@pytest.mark.parametrize("folder", ["none", "."])
def test_where_nothing_asks_there_is_nothing_to_judge(tmp_path: Path, folder: str) -> None:
    assert levels(check_dialplan((), {4573}, tmp_path / folder)) == ["skip"]


@pytest.mark.anyio
async def test_the_ports_are_those_of_the_configuration(
    examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialplan, "FOLDER", tmp_path / "asterisk")
    (tmp_path / "asterisk").mkdir()
    (tmp_path / "asterisk" / "extensions.conf").write_text(BAD)
    assert levels(await examined.look("dialplan")) == ["warn", "warn"]
    examined.configure('[agi]\nlisten = ["127.0.0.1:14573"]')
    assert levels(await examined.look("dialplan")) == ["skip"]
