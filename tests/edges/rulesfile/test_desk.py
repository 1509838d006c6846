"""Changing rules files on disk: found by name, checked as a whole, saved at one stroke or not at all."""

import errno
import fcntl
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fallbackrouter.clock import load_zone
from fallbackrouter.core.errors import RulesError
from fallbackrouter.core.route import Gate
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile import save as saving
from fallbackrouter.rulesfile.check import Checked, check_rules
from fallbackrouter.rulesfile.desk import Desk, UncheckedError
from fallbackrouter.rulesfile.edit import add_rule, remove_rule, set_key
from fallbackrouter.rulesfile.sources import PINS, pack, read_sources, sources_digest, unpack

GATE = Gate(
    apps={"group": ("num",), "auto": ()},
    num=re.compile("[0-9]{1,10}"),
    external=re.compile("[0-9+]{3,15}"),
    variables=frozenset({"app", "num"}),
)
OFFICE = "# the office\n- name: office   # by day\n  did: ['1', '@vip.txt']\n  route: {app: group, num: '62'}\n"
NIGHT = "- {name: night, tier: override, did: 9, route: {app: auto}}\n"


def _check(directory: Path) -> Checked:
    read = Numbering("").read
    return check_rules(directory, gate=GATE, read_number=read, load_zone=load_zone, default_zone="")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yaml").write_text(OFFICE, encoding="utf-8")
    (folder / "b.yaml").write_text(NIGHT, encoding="utf-8")
    (folder / "vip.txt").write_text("100\n", encoding="utf-8")
    return Desk(folder, _check)


def _edit(key: str, value: str) -> Callable[[str], str]:
    return lambda text: set_key(text, 0, key, value)


def test_a_rule_is_found_by_its_name_and_shown_with_its_comments(desk: Desk) -> None:
    found = desk.find("office")
    assert (found.file.name, found.number, found.tier, found.name) == ("a.yaml", 0, "fallback", "office")
    assert "# by day" in found.source
    assert desk.find("override/night").keys == ("name", "tier", "did", "route")


@pytest.mark.parametrize(
    ("more", "wanted", "words"),
    [
        ("", "offic", 'no rule in .* is called "offic"'),
        ("", "", "no rule in"),
        ("", "fallback/night", "no rule in"),
        (NIGHT.replace("override", "fallback"), "night", "write override/NAME or fallback/NAME"),
        (NIGHT, "night", "more than one rule is called"),
        ("- night: [\n", "night", "c.yaml: line 2: "),
    ],
)
def test_a_name_that_leads_to_no_single_rule_is_one_sentence(desk: Desk, more: str, wanted: str, words: str) -> None:
    (desk.directory / "c.yaml").write_text(more, encoding="utf-8")
    with pytest.raises(RulesError, match=words):
        desk.find(wanted)


def test_a_broken_file_is_in_nobody_s_way_but_its_own(desk: Desk) -> None:
    (desk.directory / "c.yaml").write_text("- [", encoding="utf-8")
    assert desk.find("office").number == 0


def test_a_change_that_checks_is_saved_with_mode_and_every_other_character(desk: Desk) -> None:
    file = desk.directory / "a.yaml"
    file.chmod(0o640)
    assert desk.change(file, _edit("priority", "5")).ok
    assert file.read_text(encoding="utf-8") == OFFICE + '  priority: "5"\n'
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in desk.directory.iterdir()) == ["a.yaml", "b.yaml", "vip.txt"]


def test_line_ends_and_the_mark_of_another_system_stay(desk: Desk) -> None:
    file = desk.directory / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + OFFICE.replace("\n", "\r\n").encode())
    assert desk.find("office").keys == ("name", "did", "route")
    desk.change(file, _edit("priority", "5"))
    assert file.read_bytes() == b"\xef\xbb\xbf" + (OFFICE + '  priority: "5"\n').replace("\n", "\r\n").encode()


def test_a_link_stays_a_link(desk: Desk, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.yaml"
    real.write_text(OFFICE.replace("office", "linked"), encoding="utf-8")
    (desk.directory / "l.yaml").symlink_to(real)
    desk.change(desk.directory / "l.yaml", _edit("priority", "5"))
    assert (desk.directory / "l.yaml").is_symlink()
    assert real.read_text(encoding="utf-8").endswith('  priority: "5"\n')


def test_what_does_not_check_is_not_saved_and_every_problem_is_named(desk: Desk) -> None:
    file = desk.directory / "a.yaml"
    with pytest.raises(UncheckedError, match="nothing was saved") as refused:
        desk.change(file, lambda text: set_key(set_key(text, 0, "priority", "high"), 0, "did", "_7["))
    assert [Path(problem.file).relative_to(desk.directory).as_posix() for problem in refused.value.problems] == [
        "a.yaml",
        "a.yaml",
    ]
    assert file.read_text(encoding="utf-8") == OFFICE


def test_a_name_that_another_rule_has_is_refused(desk: Desk) -> None:
    with pytest.raises(UncheckedError) as refused:
        desk.change(
            desk.directory / "n.yaml", lambda text: add_rule(text, {"name": "office", "route": {"app": "auto"}})
        )
    assert "is called" in refused.value.problems[0].what
    assert not (desk.directory / "n.yaml").exists()


def test_a_broken_file_refuses_changes_of_others_unless_they_stand_alone(desk: Desk) -> None:
    (desk.directory / "c.yaml").write_text("- [", encoding="utf-8")
    add = lambda text: add_rule(text, {"name": "x", "did": "7", "route": {"app": "auto"}})  # noqa: E731 - two uses
    with pytest.raises(UncheckedError):
        desk.change(desk.directory / "p.yaml", add)
    assert [rule.name for rule in desk.change(desk.directory / "p.yaml", add, alone=True).rules] == ["x"]


def test_a_file_that_changes_meanwhile_is_not_written_over(desk: Desk) -> None:
    file = desk.directory / "a.yaml"

    def edit(text: str) -> str:
        file.write_text(NIGHT.replace("night", "meanwhile"), encoding="utf-8")
        return remove_rule(text, 0)

    with pytest.raises(RulesError, match="changed by somebody else meanwhile"):
        desk.change(file, edit)
    assert "meanwhile" in file.read_text(encoding="utf-8")


def test_one_command_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_TRIES", 2)
    other = os.open(desk.directory, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RulesError, match="another command is changing the rules"):
            desk.change(desk.directory / "a.yaml", _edit("priority", "5"))
    finally:
        os.close(other)
    assert desk.change(desk.directory / "a.yaml", _edit("priority", "5")).ok


@pytest.mark.parametrize("call", ["fsync", "fchmod"])
def test_a_disk_that_fails_leaves_the_file_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(RulesError, match=r"cannot be written \(no space left on device\); see who may write there"):
        desk.change(desk.directory / "a.yaml", _edit("priority", "5"))
    assert (desk.directory / "a.yaml").read_text(encoding="utf-8") == OFFICE
    assert sorted(path.name for path in desk.directory.iterdir()) == ["a.yaml", "b.yaml", "vip.txt"]


def test_no_room_for_a_draft_is_one_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(RulesError, match="cannot be checked in"):
        desk.change(desk.directory / "a.yaml", _edit("priority", "5"))
    assert (desk.directory / "a.yaml").read_text(encoding="utf-8") == OFFICE


def test_a_list_that_lies_elsewhere_is_refused_in_a_draft_too(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "far.txt").write_text("1\n", encoding="utf-8")
    (desk.directory / "far.txt").symlink_to(tmp_path / "far.txt")
    os.mkfifo(desk.directory / "pipe.txt")
    for name in ("far.txt", "pipe.txt", "absent.txt"):
        with pytest.raises(UncheckedError) as refused:
            desk.change(desk.directory / "a.yaml", _edit("did", f"@{name}"))
        assert name in refused.value.problems[0].what


def test_a_name_that_is_spelled_with_escapes_is_found(desk: Desk) -> None:
    (desk.directory / "c.yaml").write_text('- {name: "w\\u0065ird", did: 3, route: {app: auto}}\n', encoding="utf-8")
    assert desk.find("weird").file.name == "c.yaml"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"make it, or set rules\.dir"):
        Desk(tmp_path / "none", _check).change(tmp_path / "none" / "a.yaml", _edit("priority", "5"))


def test_sources_come_back_and_pins_do_not_count_as_an_edit(desk: Desk) -> None:
    (desk.directory / "more").mkdir()
    (desk.directory / "more" / "list.txt").write_bytes(b"\xff\n")
    (desk.directory / ".a.yaml.swp").write_text("an editor's", encoding="utf-8")
    sources = read_sources(desk.directory)
    assert sources is not None
    assert sorted(sources) == ["a.yaml", "b.yaml", "more/list.txt", "vip.txt"]
    assert unpack(pack(sources)) == sources
    assert sources_digest({**sources, PINS: b"x"}) == sources_digest(sources)
    assert sources_digest({**sources, "vip.txt": b"x"}) != sources_digest(sources)


@pytest.mark.parametrize("body", [b"", b"x", pack({"a": b"12345"})[:-6], b"\x78\x9c" + b"\x00" * 9])
def test_bytes_that_are_no_sources_are_none(body: bytes) -> None:
    assert unpack(body) is None
