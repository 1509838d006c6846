"""The whole daemon beside a played Asterisk: ends that nobody reported, each once, and a secret that nobody sees."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import asterisk
from tests.fakes.ami import SECRET, USER, AmiThread
from tests.fakes.asterisk import Channel
from tests.fakes.service import Service, children_of, wait_until
from tests.fakes.whole import DID, Whole

INFERRED = ("end_failed", "2")
WRONG = "this-is-wrong"


@pytest.fixture
def exchange() -> Iterator[AmiThread]:
    with AmiThread() as exchange:
        yield exchange


def _configure(whole: Whole, exchange: AmiThread, secret: str = SECRET) -> None:
    secret_file = whole.folder / "ami.secret"
    secret_file.write_text(secret, encoding="utf-8")
    secret_file.chmod(0o600)
    connect = f'connect = "127.0.0.1:{exchange.fake.port}"'
    whole.configure(f'[ami]\n{connect}\nuser = "{USER}"\nsecret_file = "ami.secret"\ngrace_s = 1')


def _report(service: Service, stage: str, call_id: str) -> None:
    channel = Channel(exten=DID, uniqueid=call_id)
    outcome = asyncio.run(asterisk.call(service.port, f"event,${{EXTEN}},{stage}", channel, within_s=30))
    assert outcome.variables["FR_STATUS"] == "ok"


def _ends(whole: Whole, call_id: str) -> list[tuple[str, str]]:
    """Return stage and seq of a call's inferred ends."""
    rows = whole.query('SELECT call_id, stage, seq FROM events WHERE details LIKE \'%"inferred":"true"%\'')
    return [(stage, str(seq)) for one, stage, seq in rows if one == call_id]


def _wait_end(whole: Whole, call_id: str) -> None:
    wait_until(lambda: _ends(whole, call_id) == [INFERRED], f"the end of {call_id}")


def _connected(service: Service) -> bool:
    return bool(service.status()["background"].get("asterisk", {}).get("connected"))


def test_an_end_is_inferred_once_whatever_is_killed_and_never_while_asterisk_is_away(
    whole: Whole, exchange: AmiThread
) -> None:
    _configure(whole, exchange)
    exchange.fake.channels = [("1.1", "1.1", "PJSIP/1"), ("1.2", "1.2", "PJSIP/2")]
    service = whole.start().ready()
    for call_id in ("1.1", "1.2", "1.404"):
        _report(service, "start", call_id)
    _wait_end(whole, "1.404")
    assert _ends(whole, "1.1") == _ends(whole, "1.2") == []

    exchange.stop()
    exchange.fake.channels = [("1.2", "1.2", "PJSIP/2")]
    wait_until(lambda: not _connected(service), "the loss of the manager interface")
    os.kill(service.status()["background"]["pid"], signal.SIGKILL)
    _report(service, "start", "1.405")
    exchange.listen()
    for call_id in ("1.1", "1.405"):
        _wait_end(whole, call_id)

    assert service.stop() == 0
    service = whole.start().ready()
    wait_until(lambda: _connected(service), "the way back")
    _report(service, "start", "1.406")
    _wait_end(whole, "1.406")
    assert [_ends(whole, f"1.{one}") for one in (404, 1, 405)] == [[INFERRED]] * 3
    assert _ends(whole, "1.2") == []


def _seen_from_outside(service: Service) -> str:
    """Return what other users of the machine, and readers of the log, see."""
    pids = [service.pid, *children_of(service.pid)]
    seen = [Path(f"/proc/{pid}/{name}").read_bytes() for pid in pids for name in ("cmdline", "environ")]
    return b"".join(seen).decode("utf-8", "replace") + service.stderr + str(service.status())


def test_a_refused_secret_is_logged_as_refused_and_never_as_what_it_is(whole: Whole, exchange: AmiThread) -> None:
    _configure(whole, exchange, WRONG)
    whole.config.write_text(whole.config.read_text() + '[log]\nlevel = "debug"\n', encoding="utf-8")
    service = whole.start().ready()
    wait_until(lambda: "refuses the user router" in service.stderr, "the refusal in the log")
    assert exchange.fake.asked[0]["Secret"] == WRONG
    assert WRONG not in _seen_from_outside(service)


def test_a_manager_interface_that_hangs_holds_up_no_start_and_no_stop(whole: Whole, exchange: AmiThread) -> None:
    exchange.fake.silent = {"Login"}
    _configure(whole, exchange)
    service = whole.start().ready()
    wait_until(lambda: exchange.fake.asked, "the login")
    _report(service, "start", "1.1")
    assert service.stop() == 0
    assert "hangs" not in service.stderr
