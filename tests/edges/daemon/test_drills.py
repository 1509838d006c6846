"""The parent's side of a drill, with doubles for workers: who is told, who may refuse, what is kept."""

import os
import signal

import pytest

from fallbackrouter.core.errors import ControlError
from tests.fakes.parent import Doubled
from tests.fakes.service import wait_until


def test_a_worker_that_takes_no_part_ends_it_for_all(doubled: Doubled) -> None:
    service = doubled.start(crm="https://crm.example", workers=2, drills="refused").ready()
    with pytest.raises(ControlError, match="the double takes part in no drill"):
        service.command("drill", fault="hang", for_s=60)
    assert service.status()["drill"] is None
    wait_until(lambda: "a worker did not take it over" in doubled.incidents, "its end is kept")


def test_a_worker_that_does_not_answer_ends_it_for_all(doubled: Doubled) -> None:
    service = doubled.start(crm="https://crm.example", heartbeat_ms=60_000).ready()
    (pid,) = service.worker_pids()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ControlError, match=r"worker 1 did not answer 'drill' within 3 s"):
        service.command("drill", fault="hang", for_s=60)
    os.kill(pid, signal.SIGCONT)
    assert service.status()["drill"] is None


def test_a_stop_in_the_middle_is_told(doubled: Doubled) -> None:
    service = doubled.start(crm="https://crm.example").ready()
    service.command("drill", fault="hang", for_s=60)
    assert service.stop() == 0
    assert "drill ended: the drill hang for 1 of the questions: the service stops" in doubled.incidents
    assert service.stderr.count("the drill is over") == 1


def test_the_end_of_another_drill_ends_nothing(doubled: Doubled) -> None:
    service = doubled.start(crm="https://crm.example").ready()
    first = service.command("drill", fault="hang", for_s=60)["number"]
    assert service.command("drill_end") == {"ended": True}
    service.command("drill", fault="dns", for_s=60, share=0.25)
    assert service.command("drill_end", number=first) == {"ended": False}
    state = service.status()["drill"]
    assert (state["fault"], state["share"]) == ("dns", 0.25)
