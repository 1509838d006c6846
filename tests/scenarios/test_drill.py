"""A drill of the whole daemon: calls go local while it is on, live answers return by themselves once it is over."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from fallbackrouter.core.errors import ControlError
from fallbackrouter.crm.drill import FAULTS
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import ROOT, Service, wait_until
from tests.fakes.whole import DID, Whole, one_call, rule

numbers = count(1)


@pytest.fixture
def crm() -> Iterator[CrmProcess]:
    with CrmProcess() as process:
        yield process


def served(whole: Whole, crm: CrmProcess, agi: str = "") -> Service:
    whole.rules(rule("office", DID, "7"))
    whole.configure(f'[crm]\nurl = "{crm.url}"', agi=agi)
    return whole.start().ready()


def call(service: Service) -> dict[str, str]:
    """Make a call by somebody who has not called before, so that no answer is remembered."""
    outcome = asyncio.run(one_call(service.port, next(numbers)))
    assert outcome is not None
    return outcome.variables


def is_live(service: Service) -> bool:
    return service.status()["breaker"]["state"] == "closed" and call(service)["FR_SOURCE"] == "live"


def trail(whole: Whole, decision: str) -> str:
    query = f"SELECT trail FROM decisions WHERE id = '{decision}'"  # noqa: S608 - an id of our own
    wait_until(lambda: whole.query(query), "the decision is on record")
    return whole.query(query)[0][0]


def incidents(whole: Whole) -> list[tuple[str, str]]:
    rows = whole.query("SELECT state, reason FROM incidents WHERE part = 'drill' ORDER BY id")
    return [(row[0], row[1]) for row in rows]


HEARS_CTRL_C = """
import signal, sys
from fallbackrouter.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    sys.exit(main(sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(130)
"""
"""The command as it is run; a shell that starts tests in the background may have had SIGINT ignored."""


def command(whole: Whole, *words: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "drill", *words, "--config", str(whole.config)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_sends_calls_local_and_is_in_their_trails(fault: str, whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm)
    wait_until(lambda: is_live(service), "live answers")
    asked = len(crm.requests())
    service.command("drill", fault=fault, for_s=60)
    first = call(service)
    assert (first["FR_SOURCE"], first["FR_STATUS"]) == ("fallback", "degraded")
    assert f'"reason":"drill: {fault}; ' in trail(whole, first["FR_DECISION"])
    assert {call(service)["FR_SOURCE"] for _ in range(10)} == {"fallback"}
    if fault != "slow":
        assert [one for one in crm.requests()[asked:] if one["method"] == "POST"] == []
    assert service.command("drill_end") == {"ended": True}
    wait_until(lambda: is_live(service), "live answers return")
    assert service.stop() == 0


def test_it_ends_by_itself_when_the_command_is_killed(whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm, agi="workers = 2")
    wait_until(lambda: is_live(service), "live answers")
    with command(whole, "--fault", "error", "--for", "5s") as drill:
        wait_until(lambda: service.status()["drill"], "the drill is on")
        drill.kill()
    state = service.status()["drill"]
    assert (state["fault"], state["share"]) == ("error", 1)
    assert 0 < state["left_s"] <= 5
    assert call(service)["FR_SOURCE"] == "fallback"
    with pytest.raises(ControlError, match="is on already"):
        service.command("drill", fault="dns", for_s=1)
    wait_until(lambda: service.status()["drill"] is None, "it ends by itself")
    wait_until(lambda: is_live(service), "live answers return")
    wait_until(lambda: len(incidents(whole)) == 2, "begin and end are on record")
    assert incidents(whole) == [
        ("began", "the drill error for 1 of the questions for 5 s"),
        ("ended", "the drill error for 1 of the questions: its time is over"),
    ]


def test_a_share_of_calls_meets_it_and_it_ends_without_the_parent(whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm)
    wait_until(lambda: is_live(service), "live answers")
    service.command("drill", fault="dns", for_s=4, share=0.5)
    assert {call(service)["FR_SOURCE"] for _ in range(40)} == {"live", "fallback"}
    service.signal(signal.SIGSTOP)
    time.sleep(4)  # the parent cannot say that it is over, so there is nothing to wait for
    assert {call(service)["FR_SOURCE"] for _ in range(40)} == {"live"}
    service.signal(signal.SIGCONT)
    wait_until(lambda: len(incidents(whole)) == 2, "its end is on record all the same")
    assert service.stop() == 0


def test_a_worker_that_starts_meanwhile_takes_part(whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm)
    wait_until(lambda: is_live(service), "live answers")
    service.command("drill", fault="connect", for_s=60)
    (pid,) = service.worker_pids()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: service.worker_pids() not in ([], [pid]), "another worker serves")
    answer = call(service)
    assert answer["FR_SOURCE"] == "fallback"
    assert "drill: connect; connection refused" in trail(whole, answer["FR_DECISION"])


def test_ctrl_c_ends_it_and_a_terminal_shows_what_is_left(whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm)
    master, slave = pty.openpty()
    with command(whole, "--fault", "hang", "--for", "1h", "--share", "0.5", stdout=slave) as drill:
        os.close(slave)
        shown = ""
        while "3598 s left" not in shown:
            shown += os.read(master, 4096).decode()
        drill.send_signal(signal.SIGINT)
        while "the drill is over" not in shown:
            shown += os.read(master, 4096).decode()
        assert drill.wait(30) == 0
    os.close(master)
    assert "drill: hang, 50 % of the questions, 3598 s left, Ctrl-C ends it" in shown
    assert service.status()["drill"] is None


def test_without_a_terminal_it_says_when_it_is_over(whole: Whole, crm: CrmProcess) -> None:
    served(whole, crm)
    begun_s = time.monotonic()  # noqa: TID251 - a lower bound alone
    with command(whole, "--fault", "slow", "--for", "1s", "--share", "0.25") as drill:
        out, errors = drill.communicate(timeout=60)
    assert time.monotonic() - begun_s >= 1  # noqa: TID251 - the same
    assert out == "drill: slow, 25 % of the questions, 1 s left; it ends by itself\nthe drill is over\n"
    assert (errors, drill.returncode) == ("", 0)


def test_the_end_can_be_asked_for(whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm)
    with command(whole, "--end") as none:
        assert none.communicate(timeout=60)[0] == "no drill is on\n"
    with command(whole, "--fault", "dns", "--for", "10m") as drill:
        wait_until(lambda: service.status()["drill"], "the drill is on")
        with command(whole, "--end") as end:
            assert end.communicate(timeout=60)[0] == "the drill is over\n"
        assert drill.communicate(timeout=60)[0].endswith("the drill is over\n")
    assert incidents_end(whole) == "the drill dns for 1 of the questions: it was ended by a command"


def incidents_end(whole: Whole) -> str:
    wait_until(lambda: len(incidents(whole)) == 2, "begin and end are on record")
    return incidents(whole)[-1][1]


def test_no_crm_no_drill(whole: Whole) -> None:
    service = whole.start().ready()
    with pytest.raises(ControlError, match="there is no CRM to drill for"):
        service.command("drill", fault="dns", for_s=10)


def test_what_cannot_be_meant_is_refused(whole: Whole, crm: CrmProcess) -> None:
    service = served(whole, crm)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"fault": "flood", "for_s": 10}, "fault is one of dns, connect, hang, slow, error, garbage"),
        ({"fault": "dns"}, "for_s is a number of seconds above 0, at most 3600"),
        ({"fault": "dns", "for_s": 3601}, "for_s is a number"),
        ({"fault": "dns", "for_s": True}, "for_s is a number"),
        ({"fault": "dns", "for_s": 10, "share": 0}, "share is a number above 0, at most 1"),
        ({"fault": "dns", "for_s": 10, "share": "all"}, "share is a number"),
    ]
    for fields, sentence in wrong:
        with pytest.raises(ControlError, match=sentence):
            service.command("drill", **fields)
    assert service.status()["drill"] is None
