"""The generated dialplan gets into a running Asterisk: by a command, and by itself when other rules serve."""

from collections.abc import Iterator

import pytest

from fallbackrouter.config.load import load_settings
from fallbackrouter.doctor.installed import check_installed
from tests.asterisk.harness import STOP_HERE, Exchange
from tests.asterisk.routed import Routed
from tests.asterisk.settings import SECRET, USER
from tests.fakes.service import wait_until

pytestmark = pytest.mark.asterisk

_ENTER = f"""
#include fallbackrouter.conf
[enter]
exten => _X!,1,Gosub(fallbackrouter-static,s,1(${{EXTEN}},init))
 same => n,{STOP_HERE}
"""


def _rules(num: str) -> list[dict[str, object]]:
    return [{"name": "all", "tier": "fallback", "did": "any", "route": {"app": "queue", "num": num}}]


@pytest.fixture
def routed(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    file = exchange.folder / "fallbackrouter.conf"
    file.unlink(missing_ok=True)
    manager = f'[ami]\nconnect = "127.0.0.1:{exchange.manager_port}"\nuser = "{USER}"\nsecret = "{SECRET}"\n'
    more = f'{manager}[dialplan]\nfile = "{file}"\n'
    with Routed(tmp_path_factory.mktemp("router"), more=more) as routed:
        routed.write_rules("rules.yaml", _rules("1"))
        yield routed


def _routed_to(exchange: Exchange) -> str:
    (num,) = exchange.values(exchange.call("5", "enter"), ("num",))
    return num


@pytest.mark.core
def test_a_command_installs_it_and_asterisk_reloads(exchange: Exchange, routed: Routed) -> None:
    (exchange.folder / "fallbackrouter.conf").touch()
    exchange.load(_ENTER)
    said = routed.run("dialplan", "--install")
    assert "Asterisk has reloaded its dialplan" in said
    assert _routed_to(exchange) == "1"


def test_other_rules_get_there_by_themselves(exchange: Exchange, routed: Routed) -> None:
    (exchange.folder / "fallbackrouter.conf").touch()
    exchange.load(_ENTER)
    text = routed.config.read_text(encoding="utf-8")
    routed.config.write_text(f"{text}auto = true\n", encoding="utf-8")
    routed.start()
    wait_until(lambda: exchange.ami.read_many(["DIALPLAN_EXISTS(fallbackrouter,s,1)"]) == ["1"], "the dialplan")
    assert _routed_to(exchange) == "1"
    routed.write_rules("rules.yaml", _rules("2"))
    routed.run("rules", "apply")
    wait_until(lambda: _routed_to(exchange) == "2", "the new rules in Asterisk")
    found = check_installed(load_settings(routed.config, {}))
    assert [finding.level for finding in found] == ["ok"]
