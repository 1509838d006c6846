"""Logins in a real admin.db, looked at by many requests at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from fallbackrouter.store.admin_file import prepare
from fallbackrouter.store.sessions import begin_session, session_holds, session_of
from fallbackrouter.store.users import add_user
from tests.fakes.records import AT

SECRET = b"digest"
IDLE_S, WHOLE_S = 3600.0, 86_400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "admin.db"
    prepare(file)
    add_user(file, "anna", "hash", "editor", AT)
    begin_session(file, SECRET, "anna", "127.0.0.1", AT)
    return file


def test_a_page_s_files_asked_for_at_once_all_find_the_login(file: Path) -> None:
    together = threading.Barrier(8)

    def look(minutes: int) -> tuple[str, str] | None:
        together.wait(60)
        return session_of(file, SECRET, AT + timedelta(minutes=minutes), IDLE_S, WHOLE_S)

    with ThreadPoolExecutor(8) as threads:
        for minutes in range(2, 12, 2):
            assert set(threads.map(look, [minutes] * 8)) == {("anna", "editor")}


def test_looking_whether_a_login_holds_does_not_make_it_last(file: Path) -> None:
    half, late = AT + timedelta(minutes=50), AT + timedelta(minutes=70)
    assert session_holds(file, SECRET, half, IDLE_S, WHOLE_S)
    assert not session_holds(file, SECRET, late, IDLE_S, WHOLE_S)
    assert session_of(file, SECRET, late, IDLE_S, WHOLE_S) is None
    assert not session_holds(file, SECRET, half, IDLE_S, WHOLE_S)
