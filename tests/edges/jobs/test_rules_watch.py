"""What a folder looks like, on a real file system."""

import os
from pathlib import Path

from fallbackrouter.jobs.rules_watch import picture_of


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
