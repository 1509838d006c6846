"""The whole daemon, each test in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.whole import Whole


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    starter = Whole(tmp_path)
    yield starter
    for service in starter.services:
        service.end()
