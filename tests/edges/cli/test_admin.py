"""`fallbackrouter admin …`, as people and scripts run it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fallbackrouter.store.users import password_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "fallbackrouter.toml").write_text('[last_resort]\napp = "group"\nnum = "100"\n', encoding="utf-8")
    return tmp_path


def run(house: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "fallbackrouter", "admin", *words],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_user_is_added_changed_and_removed_and_all_of_it_is_kept(house: Path) -> None:
    assert run(house, "user", "add", "anna", stdin="correct horse battery\n").returncode == 0
    file = house / "var/admin.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = password_of(file, "anna")
    assert first is not None
    assert first.startswith("$argon2id$")
    (row,) = run(house, "user", "list", "--json").stdout.splitlines()
    assert json.loads(row)["role"] == "editor"
    assert run(house, "user", "password", "anna", stdin="another battery\n").returncode == 0
    assert password_of(file, "anna") != first
    assert run(house, "user", "remove", "anna").returncode == 0
    assert password_of(file, "anna") is None
    entries = [json.loads(line) for line in run(house, "audit", "--json").stdout.splitlines()]
    assert [entry["action"] for entry in entries] == ["user remove", "user password", "user add"]
    assert {entry["outcome"] for entry in entries} == {"done"}
    assert "battery" not in json.dumps(entries)


@pytest.mark.parametrize(
    ("words", "stdin", "code", "sentence"),
    [
        (("user", "add", "anna"), "short\n", 1, "10 to 1,000 characters"),
        (("user", "add", "-"), "correct horse battery\n", 2, "a name is"),
        (("user", "remove", "nobody"), "", 1, "admin user add"),
        (("token", "revoke", "x"), "", 1, "admin user add"),
    ],
)
def test_a_refusal_says_what_to_do(house: Path, words: tuple[str, ...], stdin: str, code: int, sentence: str) -> None:
    refused = run(house, *words, stdin=stdin)
    assert refused.returncode == code
    assert sentence in refused.stderr


def test_a_token_is_shown_once(house: Path) -> None:
    made = json.loads(run(house, "token", "add", "robot", "--scope", "read", "--scope", "edit", "--json").stdout)
    assert made["scopes"] == ["read", "edit"]
    listed = run(house, "token", "list", "--json").stdout
    assert made["token"] not in listed
    assert json.loads(listed)["id"] == made["id"]
    assert made["token"].encode() not in (house / "var/admin.db").read_bytes()
    assert run(house, "token", "revoke", made["id"]).returncode == 0
    assert run(house, "token", "list", "--json").stdout == ""
