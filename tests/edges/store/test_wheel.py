"""The migrations are found in an installed package and in a checkout, wherever the program is started."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from fallbackrouter.store.schema import REVISION

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from fallbackrouter.store import migrate
migrate.upgrade(Path("journal.db"))
print(migrate.schema_version(Path("journal.db")), migrate._scripts())
"""


def run(package: Path, cwd: Path) -> str:
    cwd.mkdir()
    environ = os.environ | {"PYTHONPATH": str(package), "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, cwd=cwd, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def test_a_checkout_brings_its_migrations_along(tmp_path: Path) -> None:
    assert run(ROOT, tmp_path / "elsewhere") == f"{REVISION} {ROOT / 'migrations'}"


def test_an_installed_package_brings_its_migrations_along(tmp_path: Path) -> None:
    builds_here = importlib.util.find_spec("hatchling") is not None  # else pip fetches it
    how = ["--no-build-isolation"] if builds_here else []
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", *how, "-w", str(tmp_path), str(ROOT)]
    built = subprocess.run(wheel, capture_output=True, text=True, check=False, timeout=300)
    assert built.returncode == 0, built.stderr
    (file,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(file) as archive:
        assert {"templates/login.html", "static/console.css"} <= {
            name.removeprefix("fallbackrouter/admin/") for name in archive.namelist()
        }
        archive.extractall(installed)
    assert run(installed, tmp_path / "elsewhere") == f"{REVISION} {installed / 'fallbackrouter' / '_migrations'}"
