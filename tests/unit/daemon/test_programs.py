"""How children are started."""

import sys
from pathlib import Path

from fallbackrouter.daemon.programs import child_environ, own_programs

ROOT = Path(__file__).parents[3]


def test_children_are_this_package_by_this_interpreter_and_nothing_from_the_current_folder() -> None:
    assert own_programs().worker == (sys.executable, "-P", "-m", "fallbackrouter", "_worker")


def test_a_package_that_is_not_installed_is_found_by_children() -> None:
    assert child_environ({"A": "b", "PYTHONPATH": "/x"}) == {"A": "b", "PYTHONPATH": f"{ROOT}:/x"}
    assert child_environ({})["PYTHONPATH"] == str(ROOT)
