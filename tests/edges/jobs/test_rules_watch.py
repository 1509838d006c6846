"""What a folder looks like, and that a change is noticed, on a real file system."""

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from fallbackrouter.jobs import rules_watch
from fallbackrouter.jobs.rules_watch import Picture, Place, look_at, picture_of, saved

WITHIN_S = 30.0


async def _look(folder: Path) -> tuple[Picture, Place]:
    return look_at(folder)


def test_every_way_to_save_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    pictures = [picture_of(tmp_path)]
    file.write_text("one", encoding="utf-8")
    pictures.append(picture_of(tmp_path))
    file.write_text("another", encoding="utf-8")
    pictures.append(picture_of(tmp_path))
    os.utime(file, ns=(0, 0))
    pictures.append(picture_of(tmp_path))
    (tmp_path / "new").write_text("another", encoding="utf-8")
    os.utime(tmp_path / "new", ns=(0, 0))
    (tmp_path / "new").replace(file)  # as editors do that save atomically
    pictures.append(picture_of(tmp_path))
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "vip.txt").write_text("1", encoding="utf-8")
    pictures.append(picture_of(tmp_path))
    file.unlink()
    pictures.append(picture_of(tmp_path))
    assert len(set(pictures)) == len(pictures)
    assert picture_of(tmp_path) == pictures[-1]


def test_a_folder_that_is_not_there_and_a_link_to_nowhere(tmp_path: Path) -> None:
    assert picture_of(tmp_path / "absent") == frozenset()
    (tmp_path / "broken").symlink_to("nowhere")
    assert picture_of(tmp_path) == frozenset()


@pytest.mark.anyio
async def test_a_save_is_noticed_when_the_system_tells_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_watch, "SELDOM_S", 3600.0)
    monkeypatch.setattr(rules_watch, "EVERY_S", 0.2)
    (tmp_path / "lists").mkdir()
    news = rules_watch.News(tmp_path)
    _, place = look_at(tmp_path)
    await asyncio.wait_for(news.wait(place), WITHIN_S)
    assert news.told
    for name in ("a.yaml", "b.yaml", "lists/vip.txt"):
        waiting = asyncio.ensure_future(news.wait(place))
        # Whether the system listens already is known to nobody but it; by himself nobody looks for an hour.
        for number in range(30):
            (tmp_path / name).write_text(f"{number}", encoding="utf-8")
            await asyncio.wait({waiting}, timeout=1)
            if waiting.done():
                break
        assert waiting.done()
    await news.close()
    assert not news.told


@pytest.mark.anyio
async def test_a_save_is_noticed_where_the_system_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no space left on device: too many watches")

    monkeypatch.setattr(rules_watch, "awatch", refuse)
    monkeypatch.setattr(rules_watch, "EVERY_S", 0.05)
    async with aclosing(saved(tmp_path, _look)) as changes:
        await asyncio.wait_for(anext(changes), WITHIN_S)
        (tmp_path / "a.yaml").write_text("1", encoding="utf-8")
        await asyncio.wait_for(anext(changes), WITHIN_S)


@pytest.mark.anyio
async def test_a_folder_that_comes_later_and_one_that_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules_watch, "SELDOM_S", 0.1)
    monkeypatch.setattr(rules_watch, "EVERY_S", 0.1)
    folder = tmp_path / "rules"
    async with aclosing(saved(folder, _look)) as changes:
        await asyncio.wait_for(anext(changes), WITHIN_S)
        folder.mkdir()
        (folder / "a.yaml").write_text("1", encoding="utf-8")
        await asyncio.wait_for(anext(changes), WITHIN_S)
        folder.rename(tmp_path / "former")
        folder.mkdir()
        (folder / "a.yaml").write_text("1", encoding="utf-8")
        await asyncio.wait_for(anext(changes), WITHIN_S)
