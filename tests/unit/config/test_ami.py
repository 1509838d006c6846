"""The manager interface's keys: what is refused, what is remarked on, and a secret that nobody is shown."""

from pathlib import Path

import pytest

from fallbackrouter.config.build import ami_secret
from fallbackrouter.config.load import Loaded, load_settings
from fallbackrouter.config.show import shown_toml
from fallbackrouter.core.errors import ConfigError

LAST_RESORT = '[last_resort]\napp = "group"\nnum = "100"\n'
SECRET = "f4-secret"  # noqa: S105 - of a test


def _load(folder: Path, ami: str, environ: dict[str, str] | None = None) -> Loaded:
    file = folder / "fallbackrouter.toml"
    file.write_text(f"[ami]\n{ami}\n{LAST_RESORT}", encoding="utf-8")
    secret = folder / "ami.secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    secret.chmod(0o600)
    return load_settings(file, environ or {})


@pytest.mark.parametrize(
    ("ami", "words"),
    [
        ('connect = "localhost:5038"', "ami.connect"),
        ('connect = "127.0.0.1"', "ami.connect"),
        ('connect = "127.0.0.1:0"', "ami.connect"),
        ('user = "router"', "ami.secret_file is missing"),
        ('user = "ro\\nuter"\nsecret = "x"', "ami.user"),
        ('user = "router"\nsecret_file = "nowhere"', "ami.secret_file"),
        ('user = "router"\nsecret = "x"\nsecret_file = "ami.secret"', "both set"),
        ('user = "router"\nsecret = "a b"', "ami.secret"),
        ('user = "router"\nsecret = "x"\ngrace_s = 0', "ami.grace_s"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, ami: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        _load(tmp_path, ami)


def test_the_secret_comes_from_a_file_or_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    from_file = _load(tmp_path, 'user = "router"\nsecret_file = "ami.secret"')
    assert (ami_secret(from_file), from_file.notes) == (SECRET, ())
    from_environment = _load(tmp_path, 'user = "router"', {"FALLBACKROUTER_AMI__SECRET": SECRET})
    assert ami_secret(from_environment) == SECRET
    assert SECRET not in shown_toml(from_environment.settings)
    assert ami_secret(_load(tmp_path, "")) == ""


def test_a_secret_that_others_may_read_is_remarked_on(tmp_path: Path) -> None:
    loaded = _load(tmp_path, 'user = "router"\nsecret_file = "ami.secret"')
    (tmp_path / "ami.secret").chmod(0o640)
    assert "0600" in load_settings(loaded.path, {}).notes[0]


def test_a_secret_on_the_way_to_another_machine_is_remarked_on(tmp_path: Path) -> None:
    [note] = _load(tmp_path, 'connect = "192.0.2.7:5038"\nuser = "router"\nsecret_file = "ami.secret"').notes
    assert "another machine" in note
    [note] = _load(tmp_path, 'secret_file = "ami.secret"').notes
    assert "no user" in note
