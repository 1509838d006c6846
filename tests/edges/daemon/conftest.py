"""The parent with doubles for children, each test in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.parent import Doubled


@pytest.fixture
def doubled(tmp_path: Path) -> Iterator[Doubled]:
    starter = Doubled(tmp_path)
    yield starter
    for service in starter.services:
        service.end()
