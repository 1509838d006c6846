"""Whatever the CRM answers, and however it does: the whole daemon, its calls in time and each from its right tier."""

import re
from dataclasses import dataclass, field

import pytest

from tests.fakes.crm_process import CrmProcess
from tests.proof.machine import PACE
from tests.scenarios.faults.numbers import FORGOTTEN, LOCAL, SOME_LIVE, Sources
from tests.scenarios.faults.scene import Scene

TIMED_OUT = "timed_out: no answer within"


@dataclass(frozen=True)
class Fault:
    """How the CRM fails.

    Attributes:
        name: for the table.
        mode: of tests.fakes.crm_modes.
        reason: what has to stand in a trail.
        expected: who may answer.
        crm: further keys of the configuration's table.
    """

    name: str
    mode: str
    reason: str
    expected: Sources = field(default_factory=lambda: LOCAL)
    crm: str = ""

    @property
    def met(self) -> str:
        """What the fake counts it as."""
        return "status" if self.mode.isdigit() else self.mode.partition(":")[0]


FAULTS = [
    Fault("accepted and never read", "deaf", TIMED_OUT),
    Fault("question read and never answered", "hang", TIMED_OUT),
    Fault("headers dripping", "drip", TIMED_OUT),
    Fault("body dripping", "drip_body", TIMED_OUT),
    Fault("reset in the body", "reset", "unavailable: connection reset"),
    Fault("closed without a word", "close", "unavailable: closed without an answer"),
    Fault("kept-alive connections that are dead", "idle_death", TIMED_OUT, SOME_LIVE),
    Fault("status 500", "500", "unavailable: .*500"),
    Fault("status 401", "401", "unavailable: .*401"),
    Fault("status 404", "404", "miss", FORGOTTEN),
    Fault("status 429", "429", "unavailable: .*429"),
    Fault("HTML with status 200", "html", "invalid"),
    Fault("JSON cut short", "cut_json", "invalid"),
    Fault("JSON 200,000 deep", "deep:200000", "invalid", crm="max_answer_bytes = 1000000"),
    Fault("NaN", "nan", "invalid"),
    Fault("body of 1 GB", "huge", "invalid: .*longer"),
    Fault("body of 1 GB, its length not announced", "huge:unannounced", "invalid: .*longer"),
    Fault("gzip bomb", "gzip_bomb", "invalid"),
    Fault("60,000 one-byte chunks", "chunks:60000", "invalid|timed_out|unavailable", crm="max_answer_bytes = 1000000"),
    Fault("endless 103", "early_hints", "unavailable|invalid|timed_out"),
    Fault("100,000 headers", "headers:100000", "unavailable|invalid|timed_out"),
    Fault("redirect loop", "redirect", "unavailable: .*307"),
    Fault("not HTTP", "garbage", "unavailable: the answer is not HTTP"),
    Fault("answers just past the budget", f"slow:{0.32 * PACE:g}", TIMED_OUT),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.mode)
def test_no_call_notices(scene: Scene, fault: Fault) -> None:
    with CrmProcess() as crm:
        scene.start(crm.url, fault.crm)
        scene.story.fault = fault.name
        scene.healthy()
        crm.set_mode(fault.mode)
        scene.calls(fault.expected)
        assert crm.state()["met"].get(fault.met, 0) > 0
        crm.set_mode("ok")
        scene.recovers()
        reasons = scene.reasons()
    assert any(re.match(fault.reason, reason) for reason in reasons), reasons
