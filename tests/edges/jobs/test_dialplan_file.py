"""The installed dialplan's file: whole or the old one, and never somebody else's."""

from pathlib import Path

import pytest

from fallbackrouter.core.errors import DialplanError
from fallbackrouter.dialplan.compose import digest
from fallbackrouter.jobs.dialplan_file import Found, install, look


def made(body: str) -> str:
    return f"; made\n; digest: {digest(body)}\n{body}"


ONE, OTHER = made("[a]\n"), made("[b]\n")


def test_it_is_written_once_and_again_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "fr.conf"
    assert look(path, ONE) is Found.MISSING
    assert [install(path, ONE), install(path, ONE), install(path, OTHER)] == [True, False, True]
    assert path.read_text() == OTHER
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_mode_and_owner_stay(tmp_path: Path) -> None:
    path = tmp_path / "fr.conf"
    install(path, ONE)
    path.chmod(0o640)
    install(path, OTHER)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("there", "why"), [("[mine]\n", "not made by"), (ONE + "; mine\n", "by hand")])
def test_what_somebody_else_wrote_is_left_alone(tmp_path: Path, there: str, why: str) -> None:
    path = tmp_path / "fr.conf"
    path.write_text(there)
    with pytest.raises(DialplanError, match=why):
        install(path, OTHER)
    assert path.read_text() == there


def test_an_empty_file_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "fr.conf"
    path.touch()
    assert install(path, ONE)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DialplanError, match=r"cannot be written \(no such file or directory\)"):
        install(tmp_path / "none/fr.conf", ONE)
