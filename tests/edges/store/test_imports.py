"""A call worker pays for no library that only commands and the background need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = {"sqlalchemy", "alembic", "aiosqlite", "typer", "rich", "ruamel"}
OF_CALL_WORKERS = ("journal", "remembered", "routes", "rulesets", "addresses")


@pytest.mark.parametrize("module", OF_CALL_WORKERS)
def test_what_call_workers_import_stays_light(module: str, tmp_path: Path) -> None:
    program = f"import json, sys, fallbackrouter.store.{module}; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    loaded = {name.partition(".")[0] for name in json.loads(out)}
    assert "fallbackrouter" in loaded
    assert loaded & HEAVY == set()
