"""Finding and loading a configuration that can be used."""

import tomllib
from pathlib import Path

import pytest

from fallbackrouter.config.keys import all_keys
from fallbackrouter.config.load import load_settings
from fallbackrouter.config.meanings import MEANINGS
from fallbackrouter.config.settings import Settings
from fallbackrouter.config.template import TEMPLATE
from fallbackrouter.core.errors import ConfigError

LAST = '[last_resort]\napp = "group"\nnum = "100"\n'


def _file(path: Path, node: str = "", text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((f'node = "{node}"\n' if node else "") + text + LAST, encoding="utf-8")
    return path


def test_the_smallest_file_gives_all_defaults(tmp_path: Path) -> None:
    loaded = load_settings(_file(tmp_path / "a.toml"), {})
    assert loaded.settings == Settings(last_resort={"app": "group", "num": "100"})
    assert loaded.notes == ()


def test_the_first_file_that_applies_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = (Path("fallbackrouter.toml"), tmp_path / "etc" / "config.toml")
    system = _file(places[1], "system")
    assert load_settings(None, {}, places).path == system
    _file(tmp_path / "fallbackrouter.toml", "here")
    named = _file(tmp_path / "x" / "named.toml", "named")
    explicit = _file(tmp_path / "x" / "explicit.toml", "explicit")
    environ = {"FALLBACKROUTER_CONFIG": str(named)}
    assert load_settings(None, {}, places).settings.node == "here"
    assert load_settings(None, {"FALLBACKROUTER_CONFIG": ""}, places).settings.node == "here"
    assert load_settings(None, environ, places).settings.node == "named"
    assert load_settings(explicit, environ, places).settings.node == "explicit"


def test_a_named_file_that_is_not_there_is_an_error_whatever_else_is(tmp_path: Path) -> None:
    other = (_file(tmp_path / "other.toml"),)
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError, match=r"missing.toml, which --config names, is not there; .*init"):
        load_settings(missing, {}, other)
    with pytest.raises(ConfigError, match=r"missing.toml, which FALLBACKROUTER_CONFIG names, is not there"):
        load_settings(None, {"FALLBACKROUTER_CONFIG": str(missing)}, other)


def test_without_any_file_init_is_named() -> None:
    with pytest.raises(ConfigError, match="fallbackrouter init"):
        load_settings(None, {"HOME": "/"}, ())


def test_the_environment_may_say_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load_settings(None, {"FALLBACKROUTER_LAST_RESORT": '{ app = "auto" }'}, ())
    assert (loaded.path, loaded.base) == (None, tmp_path)
    assert loaded.settings.last_resort == {"app": "auto"}
    with pytest.raises(ConfigError, match=r"environment variable .* last_resort.app is refused"):
        load_settings(None, {"FALLBACKROUTER_LAST_RESORT__APP": "grp"}, ())


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path / "etc" / "a.toml")
    monkeypatch.chdir(tmp_path)
    loaded = load_settings(Path("etc/a.toml"), {})
    assert loaded.path == Path("etc/a.toml")
    assert loaded.base == tmp_path / "etc"
    assert loaded.file("rules") == tmp_path / "etc" / "rules"
    assert loaded.file("/var/lib/x") == Path("/var/lib/x")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path / "a.toml", "file", "[agi]\nworkers = 3\n[crm]\nurl = 'http://127.0.0.1/'\n")
    settings = load_settings(
        file,
        {
            "FALLBACKROUTER_NODE": "0815",
            "FALLBACKROUTER_CONFIG": "/nowhere",
            "FALLBACKROUTER_AGI__WORKERS": "2",
            "FALLBACKROUTER_AGI__LISTEN": '[ "0.0.0.0:1",\n "[::]:1" ]',
            "FALLBACKROUTER_BUDGET__CALL_MS": "400.5",
            "FALLBACKROUTER_CRM__COALESCE": "true",
            "FALLBACKROUTER_CRM__TOKEN": "a#b'c",
            "FALLBACKROUTER_DESTINATIONS": '{ group = "g,{num},1" }',
            "FALLBACKROUTER_POLICY": '[{ did = "_78XXX", live_ms = 50 }]',
            "FALLBACKROUTER_ANSWERS__NUM": "[0-9]{1,4}",
            "OTHER": "x",
        },
    ).settings
    assert settings.node == "0815"
    assert settings.agi.workers == 2
    assert settings.agi.listen == ["0.0.0.0:1", "[::]:1"]
    assert settings.budget.call_ms == 400.5
    assert settings.crm.coalesce is True
    assert (settings.crm.url, settings.crm.token) == ("http://127.0.0.1/", "a#b'c")
    assert settings.destinations == {"group": "g,{num},1"}
    assert settings.policy[0].live_ms == 50
    assert settings.answers.num == "[0-9]{1,4}"


def test_an_entry_of_a_table_may_stand_alone(tmp_path: Path) -> None:
    settings = load_settings(
        _file(tmp_path / "a.toml"),
        {
            "FALLBACKROUTER_LAST_RESORT__NUM": "700",
            "FALLBACKROUTER_AGI__PATHS__NIGHT": '["did", "stage"]',
            "FALLBACKROUTER_DESTINATIONS": '{ group = "g,{num},1" }',
            "FALLBACKROUTER_DESTINATIONS__QUEUE": "q,{num},1",
        },
    ).settings
    assert settings.last_resort == {"app": "group", "num": "700"}
    assert set(settings.agi.paths) == {"cur", "cur1", "night"}
    assert settings.destinations == {"group": "g,{num},1", "queue": "q,{num},1"}


def test_a_variable_cannot_be_put_into_what_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("agi = 5\n" + LAST, encoding="utf-8")
    with pytest.raises(ConfigError, match="agi, which is no table"):
        load_settings(file, {"FALLBACKROUTER_AGI__WORKERS": "2"})


def test_addresses_of_both_families_are_good(tmp_path: Path) -> None:
    listen = '[agi]\nlisten = ["[::1]:4573", "0.0.0.0:0", "127.0.0.1:0"]\nhttp_listen = []\n'
    allow = 'allow = ["10.1.2.3", "fd00::/8"]\n'
    assert load_settings(_file(tmp_path / "a.toml", text=listen + allow), {}).settings.agi.http_listen == []


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[budget]\nfresh_ms = 310\n", "budget.fresh_ms is more than budget.live_ms"),
        ("[remembered]\nttl_s = 90_000\n", "remembered.ttl_s"),
        ("[[policy]]\n[[policy]]\ndid = '1'\n", "policy[1] has no did"),
        ("[answers]\nnum = '.*'\n", "answers.num lets a comma through"),
        ("[crm]\ntoken = 'x'\n", "no url"),
        ("[crm]\ntoken = 'x'\nurl = 'http://crm.example/'\n", "use https"),
    ],
)
def test_what_is_hardly_meant_is_noted(tmp_path: Path, text: str, note: str) -> None:
    assert note in load_settings(_file(tmp_path / "a.toml", text=text), {}).notes[0]


def test_a_token_on_its_way_to_this_machine_needs_no_tls(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "[::1]", "localhost"):
        text = f"[crm]\ntoken = 'x'\nurl = 'http://{host}/'\n"
        assert load_settings(_file(tmp_path / "a.toml", text=text), {}).notes == ()


def test_the_template_loads_and_says_what_the_defaults_are(tmp_path: Path) -> None:
    file = tmp_path / "fallbackrouter.toml"
    file.write_text(TEMPLATE, encoding="utf-8")
    settings = load_settings(file, {}).settings
    assert settings == Settings(last_resort={"app": "group", "num": "100", "time": "60"})


def _turned_on(line: str) -> str:
    bare = line.removeprefix("# ")
    try:
        tomllib.loads(bare)
    except tomllib.TOMLDecodeError:
        return line
    return bare


def test_the_template_loads_with_every_line_turned_on(tmp_path: Path) -> None:
    file = tmp_path / "fallbackrouter.toml"
    file.write_text("\n".join(map(_turned_on, TEMPLATE.splitlines())), encoding="utf-8")
    settings = load_settings(file, {}).settings
    assert settings.policy[0].live_ms == 150
    assert settings.destinations == {"group": "ext-group,{num},1"}
    default = Settings(last_resort=settings.last_resort, policy=settings.policy, destinations=settings.destinations)
    assert settings == default


def test_the_template_names_every_key() -> None:
    for key in all_keys().values():
        assert MEANINGS[key.path] in TEMPLATE or key.path in ("last_resort", "policy") or key.section == "policy"
