"""What each fault gets: a scene of its own, and a line in the table that `make drill` prints."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.fakes.whole import Whole
from tests.scenarios.faults.scene import Scene, prepare

FILE = "DRILL_FIGURES"
"""Environment variable: the file to add to."""


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a daemon that knows all the numbers."""
    whole = Whole(tmp_path_factory.mktemp("known"))
    try:
        return prepare(whole)
    finally:
        for service in whole.services:
            service.end()


@pytest.fixture
def scene(whole: Whole, known: Path) -> Iterator[Scene]:
    scene = Scene(whole, known)
    yield scene
    path = os.environ.get(FILE)
    if path and scene.story.fault:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(scene.story)) + "\n")
