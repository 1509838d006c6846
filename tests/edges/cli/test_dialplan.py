"""`fallbackrouter dialplan`: printed, written, installed, refused."""

import subprocess
from pathlib import Path

import pytest

from fallbackrouter.dialplan.compose import digest_in, is_untouched
from tests.fakes.commands import run_command

RULES = "- {name: office, did: _7495XXXXXXX, route: {app: group, num: '62'}}\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/rules.yaml").write_text(RULES)
    (tmp_path / "fallbackrouter.toml").write_text('[last_resort]\napp = "group"\nnum = "100"\n')
    return tmp_path


def run(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(house, "dialplan", *arguments)


def configure(house: Path, text: str) -> None:
    with (house / "fallbackrouter.toml").open("a") as file:
        file.write(text)


def test_it_is_printed_and_written_alike(house: Path) -> None:
    printed = run(house)
    assert printed.returncode == 0, printed.stderr
    assert is_untouched(printed.stdout)
    assert "exten => _7495XXXXXXX,1," in printed.stdout
    assert run(house, "--out", "fr.conf").returncode == 0
    assert (house / "fr.conf").read_text() == printed.stdout


def test_targets_and_ways_differ(house: Path) -> None:
    texts = [run(house, *options.split()).stdout for options in ("", "--for freepbx", "--events originate")]
    assert len({digest_in(text) for text in texts}) == 3
    assert "[fallbackrouter-in]" in texts[1]
    assert "CURL(" not in texts[2]


def test_it_is_installed_where_the_configuration_says(house: Path) -> None:
    refused = run(house, "--install")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "dialplan.file" in refused.stderr
    configure(house, '[dialplan]\nfile = "fr.conf"\n')
    done = run(house, "--install")
    assert (done.returncode, done.stdout) == (0, f"{house}/fr.conf is written\n")
    assert "dialplan reload" in done.stderr
    assert "already" in run(house, "--install").stdout


def test_an_asterisk_that_is_not_there_is_told(house: Path) -> None:
    configure(house, '[dialplan]\nfile = "fr.conf"\n[ami]\nconnect = "127.0.0.1:1"\nuser = "fr"\nsecret = "fr"\n')
    failed = run(house, "--install")
    assert failed.returncode == 1
    assert "cannot be reached" in failed.stderr
    assert is_untouched((house / "fr.conf").read_text())


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("[dialplan]\nmax_rules = 1\n", "dialplan.max_rules"),
        ('[agi]\nlisten = ["127.0.0.1:0"]\n', "agi.listen leaves the port open"),
        ("[agi]\nhttp_listen = []\n", "agi.http_listen is empty"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(house: Path, more: str, what: str) -> None:
    (house / "rules/rules.yaml").write_text(RULES + RULES.replace("office", "other"))
    configure(house, more)
    refused = run(house)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert what in refused.stderr


def test_a_pin_ends_by_itself_in_asterisk_too(house: Path) -> None:
    until = "valid_until: '2099-01-01T00:00Z'"
    pin = f"- {{name: pin, tier: override, did: '7495', route: {{app: group, num: '9'}}, {until}}}\n"
    (house / "rules/pins.yaml").write_text(pin)
    text = run(house).stdout
    assert "${EPOCH} < 4070908800]?:fallbackrouter-override-2,s,1)" in text


def test_broken_rules_make_no_dialplan(house: Path) -> None:
    (house / "rules/rules.yaml").write_text(RULES + RULES)
    assert "rules check" in run(house).stderr


def test_the_address_is_one_that_asterisk_reaches(house: Path) -> None:
    configure(house, '[agi]\nlisten = ["[::]:4573", "0.0.0.0:4574"]\nhttp_listen = ["[::]:4581"]\n')
    text = run(house).stdout
    assert "agi://127.0.0.1:4574/" in text
    assert "http://[::1]:4581/" in text
