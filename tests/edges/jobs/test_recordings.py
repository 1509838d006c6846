"""A recording's path, and the link that the CRM gets."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.jobs.recordings import Recordings, Seen

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KNOWN = {"call_id": "1700000000.57", "linked_id": "1700000000.1", "node": "pbx1"}
URL = "https://files.example/{node}/{path}?call={call_id}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "monitor"
    made.mkdir()
    return made


def record(file: Path, size: int = 32_044, age_s: float = 60) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\0" * size)
    at_s = (NOW - timedelta(seconds=age_s)).timestamp()
    os.utime(file, (at_s, at_s))
    return file


def look(folder: Path | None, told: str, *, url: str = URL, age_s: float = 5) -> Seen:
    return Recordings(folder, url, 300).look(told, KNOWN, age_s, NOW)


def test_a_complete_recording_becomes_a_url(folder: Path) -> None:
    record(folder / "2026" / "a b#1.wav")
    expected = Seen(ready=True, link="https://files.example/pbx1/2026/a%20b%231.wav?call=1700000000.57")
    assert look(folder, "2026/a b#1.wav") == expected
    assert look(folder, str(folder / "2026" / "a b#1.wav")) == expected


def test_its_name_and_the_call_may_stand_in_the_url(folder: Path) -> None:
    record(folder / "x" / "a.wav")
    record(folder / "x" / "1700000000")
    assert look(folder, "x/1700000000", url="{name}").link == "1700000000"
    assert look(folder, "x/a.wav", url="s3://{linked_id}/{name}").link == "s3://1700000000.1/a.wav"
    assert look(folder, "x/a.wav", url="").link == "x/a.wav"


@pytest.mark.parametrize("told", ["/.wav", ".wav", "/", "..", "a/..", " .wav", ""])
def test_what_names_no_file_is_left_out_and_noted(folder: Path, told: str) -> None:
    assert look(folder, told) == Seen(ready=True, note="the link names no file: left out")
    assert look(None, told) == Seen(ready=True, note="the link names no file: left out")


@pytest.mark.parametrize("told", ["/etc/adduser.conf", "../secret.wav", "2026/../../secret.wav"])
def test_what_lies_elsewhere_is_left_out_and_noted(folder: Path, told: str) -> None:
    record(folder.parent / "secret.wav")
    assert look(folder, told) == Seen(ready=True, note="the link is outside of recordings.dir: left out")


def test_a_symbolic_link_that_leads_out_is_left_out(folder: Path) -> None:
    (folder / "way.wav").symlink_to(record(folder.parent / "secret.wav"))
    (folder / "house").symlink_to(folder.parent)
    for told in ("way.wav", "house/secret.wav"):
        assert look(folder, told) == Seen(ready=True, note="the link is outside of recordings.dir: left out")


def test_a_folder_that_is_a_symbolic_link_itself_is_fine(folder: Path) -> None:
    record(folder / "a.wav")
    (folder.parent / "spool").symlink_to(folder)
    assert look(folder.parent / "spool", "a.wav").link.startswith("https://")
    assert look(folder.parent / "spool", str(folder / "a.wav")).link.startswith("https://")
    assert look(folder, str(folder.parent / "spool" / "a.wav")).link.startswith("https://")


@pytest.mark.parametrize("size", [0, 44])
def test_an_empty_recording_is_waited_for_and_then_left_out(folder: Path, size: int) -> None:
    record(folder / "a.wav", size)
    assert look(folder, "a.wav") == Seen(ready=False, note="its recording is empty")
    note = "300 s after the call its recording is empty: the link is left out"
    assert look(folder, "a.wav", age_s=300) == Seen(ready=True, note=note)


def test_one_that_is_not_there_is_waited_for_and_then_left_out(folder: Path) -> None:
    assert look(folder, "a.wav") == Seen(ready=False, note="its recording is not there")
    assert look(folder, "a.wav", age_s=301).link == ""


def test_one_that_still_grows_is_waited_for_and_then_linked_all_the_same(folder: Path) -> None:
    record(folder / "a.wav", age_s=0.5)
    assert look(folder, "a.wav") == Seen(ready=False, note="its recording still grows")
    late = look(folder, "a.wav", age_s=301)
    assert late.link.startswith("https://")
    assert late.note == "its recording still grows"


def test_a_file_from_the_future_is_complete(folder: Path) -> None:
    record(folder / "a.wav", age_s=-3600)
    assert look(folder, "a.wav").ready


def test_a_folder_is_no_recording(folder: Path) -> None:
    (folder / "a.wav").mkdir()
    assert look(folder, "a.wav") == Seen(ready=True, note="the link is no path of a file that can be read: left out")


def test_without_a_folder_the_path_is_handed_on(folder: Path) -> None:
    assert look(None, "2026/a.wav") == Seen(ready=True, link="2026/a.wav")


@given(st.text(st.characters(codec=None), max_size=300))
def test_no_text_breaks_it_or_leads_out(text: str) -> None:
    seen = Recordings(Path("/var/empty-of-recordings"), URL, 300).look(text, KNOWN, 1000, NOW)
    assert seen.ready
    assert seen.link == ""
