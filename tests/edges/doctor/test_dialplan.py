"""The dialplan's files: found, read, judged."""

from pathlib import Path

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.config.dialplan import dialplan_text
from fallbackrouter.config.load import load_settings
from fallbackrouter.doctor import dialplan
from fallbackrouter.doctor.dialplan import check_dialplan
from fallbackrouter.doctor.finding import Finding
from fallbackrouter.doctor.installed import check_installed
from fallbackrouter.jobs.dialplan_file import write
from fallbackrouter.rulesfile.compiled import RuleSpec, digest, dump
from fallbackrouter.store.rulesets import save_ruleset
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


def _house(tmp_path: Path) -> Examined:
    house = Examined(tmp_path)
    house.configure('[dialplan]\nfile = "fr.conf"\n')
    house.make_journal()
    return house


def _installed(house: Examined) -> list[Finding]:
    return check_installed(load_settings(house.config, {}))


def test_the_installed_dialplan_is_held_against_the_rules_that_serve(tmp_path: Path) -> None:
    house, path = _house(tmp_path), tmp_path / "fr.conf"
    missing = _installed(house)
    assert levels(missing) == ["warn"]
    assert "not there" in missing[0].what
    write(path, dialplan_text(load_settings(house.config, {}).settings, ()))
    assert levels(_installed(house)) == ["ok"]
    body = dump([RuleSpec(name="new", tier="fallback", variables=(("app", "hangup"),))])
    save_ruleset(house.journal, body, digest(body), "test", SystemClock().now_at())
    [other] = _installed(house)
    assert (other.level, "other rules" in other.what, "--install" in other.remedy) == ("warn", True, True)
    path.write_text(path.read_text() + "; mine\n")
    [edited] = _installed(house)
    assert (edited.level, "by hand" in edited.what, "move it away" in edited.remedy) == ("warn", True, True)


def test_no_dialplan_is_missed_where_none_is_wanted(tmp_path: Path) -> None:
    assert _installed(Examined(tmp_path)) == []


def test_rules_that_cannot_be_compiled_fail(tmp_path: Path) -> None:
    house = _house(tmp_path)
    house.configure('[dialplan]\nfile = "fr.conf"\n[agi]\nlisten = ["127.0.0.1:0"]\n')
    assert levels(_installed(house)) == ["fail"]
