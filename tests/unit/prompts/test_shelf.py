"""What a call worker knows of prompts: memory alone, and news that are bounded."""

import builtins
import os
from pathlib import Path

import pytest

from fallbackrouter.core.errors import StoreError
from fallbackrouter.core.prompt import AUDIO, Naming, Prompt
from fallbackrouter.core.route import Route
from fallbackrouter.prompts.files import Made, keep
from fallbackrouter.prompts.ledger import NAME, Entry, entry_of, load_entries, load_paths, save_entries
from fallbackrouter.prompts.shelf import MAX_WANTED, Shelf

URL = "https://crm.example/{}.wav"
NAMING = Naming(frozenset({"text"}), "en", voices={"en": "en"})


def route(url: str) -> Route:
    return Route((("app", "group"), ("num", "62"), ("audio1", url)))


def test_a_call_touches_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(NAMING)
    shelf.swap({Prompt(AUDIO, URL.format(1)).key: "/p/1"})

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a call asked the disk")

    for owner, name in ((os, "stat"), (os, "open"), (builtins, "open"), (Path, "exists"), (Path, "is_file")):
        monkeypatch.setattr(owner, name, refuse)
    found = [shelf.place(route(URL.format(number))) for number in (1, 2)]
    monkeypatch.undo()
    assert [placed.values["audio1"] for placed in found] == ["/p/1", ""]
    assert shelf.counts == {"prompts_ok": 1, "prompts_missing": 1}


def test_news_are_told_once_and_bounded() -> None:
    shelf = Shelf(NAMING)
    for number in range(2 * MAX_WANTED):
        shelf.place(route(URL.format(number)))
        shelf.place(route(URL.format(number)))
    wanted, used = shelf.take_news()
    assert (len(wanted), used) == (MAX_WANTED, [])
    assert shelf.take_news() == ([], [])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v":2,"entries":[]}', '{"v":1,"entries":[{"kind":5}]}', "[" * 9_999])
def test_a_book_that_cannot_be_read_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    assert load_entries(tmp_path) == {}


def test_a_book_that_names_foreign_files_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path.parent / "secret.wav").write_bytes(b"x")
    (tmp_path.parent / "secret.wav16").write_bytes(b"x")
    prompt = Prompt(AUDIO, URL.format(1))
    known = entry_of(prompt)
    save_entries(tmp_path, [Entry(kind=known.kind, what=known.what, content="../secret")])
    assert load_paths(tmp_path) == {}
    with pytest.raises(StoreError, match="no name"):
        keep(tmp_path, Made("../secret", {}, 1.0))
