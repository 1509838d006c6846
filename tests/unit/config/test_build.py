"""Settings -> the values that the rooms take."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from fallbackrouter.agi.commands import set_function
from fallbackrouter.config import build
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.settings import Settings
from fallbackrouter.config.show import shown, shown_toml
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.core.policy import Policy
from fallbackrouter.core.route import Admitted, Refused
from fallbackrouter.numbering import Numbering


def _settings(**tables: Any) -> Settings:
    return msgspec.convert({"last_resort": {"app": "group", "num": "100"}, **tables}, Settings)


def test_the_gate_is_what_answers_says() -> None:
    gate = build.build_gate(_settings(answers={"external": "7[0-9]{10}", "quotes": "keep"}))
    assert isinstance(gate.check({"app": "external", "num": "74951111111"}), Admitted)
    assert isinstance(gate.check({"app": "external", "num": "84951111111"}), Refused)
    assert gate.keep_quotes
    assert gate.apps["group"] == ("num",)
    assert gate.functions == {"CALLERID(name)"}


def test_the_last_resort_is_a_route() -> None:
    assert build.last_resort(_settings()).fields == {"app": "group", "num": "100"}
    with pytest.raises(ConfigError, match="unknown app"):
        build.last_resort(_settings(last_resort={"app": "x"}))


def test_policies_take_what_they_leave_out_from_the_budget() -> None:
    settings = _settings(
        budget={"call_ms": 500, "live_ms": 350, "fresh_ms": 60},
        policy=[
            {"did": ["_7800XXXXXXX", "+7 495 111-11-11"], "order": ["override", "last_resort"]},
            {"did": "632", "call_ms": 200, "fresh_ms": 10},
            {"live_ms": 100},
        ],
    )
    read = Numbering("RU").read
    policies = build.build_policies(settings, read)
    usual = policies.default.order
    assert policies.default == Policy(usual, 500, 350, 60)
    assert policies.of(read("78001234567")) == Policy(("override", "last_resort"), 500, 350, 60)
    assert policies.of(read("8 (495) 111-11-11")).order == ("override", "last_resort")
    assert policies.of(read("632")) == Policy(usual, 200, 200, 10)
    assert policies.of(read("633")) == Policy(usual, 500, 100, 60)


def test_the_shape_of_an_answer_and_the_paths() -> None:
    settings = _settings(destinations={"group": "ext-group,{num},1"}, agi={"paths": {"x": ["did", "stage"]}})
    shape = build.answer_shape(settings)
    assert shape.variables[:3] == ("app", "num", "time")
    assert shape.destinations == {"group": "ext-group,{num},1"}
    assert build.grammar_paths(settings) == {"x": ("did", "stage")}


def test_every_function_that_the_gate_lets_through_can_be_written() -> None:
    for name in Settings(last_resort={}).answers.functions:
        assert set_function(name, "x")


def test_a_node_has_a_name() -> None:
    assert build.node_name(_settings(node="pbx-1")) == "pbx-1"
    name = build.node_name(_settings())
    assert name
    assert " " not in name


def test_zones() -> None:
    assert build.default_zone(_settings(rules={"timezone": "Asia/Tokyo"})) == "Asia/Tokyo"
    assert build.zone_of("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")
    assert build.zone_of("") is not None
    with pytest.raises(ConfigError, match="Mars"):
        build.zone_of("Mars")


def test_the_token_comes_from_its_file_or_the_settings(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")

    def token(**crm: str) -> str:
        return build.crm_token(Loaded(_settings(crm=crm), None, tmp_path))

    assert token(token_file="token") == "s3cret"  # noqa: S106 - a file's name
    assert token(token="direct") == "direct"  # noqa: S106 - no secret of anybody's
    assert token() == ""
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="holds no token"):
        token(token_file="token")  # noqa: S106 - a file's name
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigError, match="which is no file"):
        token(token_file="token")  # noqa: S106 - a file's name


def test_secrets_are_hidden_and_all_else_is_shown() -> None:
    settings = _settings(crm={"token": "hunter2", "ca_file": "x"}, policy=[{"did": "1"}])
    tables = shown(settings)
    assert tables["crm"]["token"] == "(set)"  # noqa: S105 - that is the point
    assert tables["crm"]["ca_file"] == "x"
    assert tables["budget"]["call_ms"] == 400
    assert "hunter2" not in shown_toml(settings)
    assert shown(_settings())["crm"]["token"] == ""


def test_what_is_shown_as_toml_loads_to_the_same_settings() -> None:
    settings = _settings(
        node='a"b\\c',
        destinations={"group": "g,{num},1"},
        policy=[{"did": ["1", "_2X"], "order": ["live"], "live_ms": 12.5}, {"did": "é"}],
        answers={"variables": ["app", "num"], "apps": {"group": ["num"]}},
    )
    assert msgspec.convert(tomllib.loads(shown_toml(settings)), Settings) == settings


def test_loading_brings_no_yaml_sql_or_cli_into_a_call_worker() -> None:
    code = (
        "import sys, fallbackrouter.config.load, fallbackrouter.config.build;"
        "print([m for m in ('ruamel.yaml', 'sqlalchemy', 'alembic', 'sqlite3', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
