"""One Tryton for all tests here, and a daemon for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.whole import Whole
from tests.tryton.desk import PYTHON, TOKEN, Desk

PARTIES = 5000


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    assert PYTHON.exists(), "no Tryton: these tests are run by `make proof`, which installs it"
    desk = Desk(tmp_path_factory.mktemp("tryton"))
    desk.make(PARTIES)
    return desk


@pytest.fixture
def desk(filled: Desk) -> Iterator[Desk]:
    filled.open()
    yield filled
    filled.kill()


@pytest.fixture
def whole(tmp_path: Path, desk: Desk) -> Iterator[Whole]:
    starter = Whole(tmp_path)
    starter.configure(
        f'[crm]\nurl = "{desk.url}/callin/{{stage}}"\nroutes_url = "{desk.url}/routes"\ntoken = "{TOKEN}"\n'
        '[numbers]\nregion = "RU"\n[sync]\nevery_s = 1\nmax_backoff_s = 2\n[budget]\ncall_ms = 3000\nlive_ms = 2500\n'
    )
    starter.rules()
    yield starter
    for service in starter.services:
        service.end()
