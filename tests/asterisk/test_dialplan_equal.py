"""The compiled dialplan picks the rule that core.rulebook picks, on a real Asterisk."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.config.dialplan import respellings_of
from fallbackrouter.core.call import Call, ReadNumber
from fallbackrouter.numbering import Numbering
from tests.asterisk.compiled import Asked, ask_all, plan_of
from tests.asterisk.harness import Exchange
from tests.asterisk.rule_sets import CALLS_A_SET, FEATURES, LAST_RESORT, POLICY, RuleSet, deciders, make_set, winner
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

SETS = full_or(40, full=500)
AT_ONCE = 100
SEED = 20260305
LEAST_MET = 0.60
LEAST_DECIDED = 0.05


REGION = "RU"
IN_A_REGION = 5
"""One set in so many compares numbers by a region's numbering plan."""


def _call(read: ReadNumber, did: str, caller: str, stage: str) -> Call:
    return Call(did=read(did), caller=read(caller), stage=stage)


class _Tally:
    """What became of all calls."""

    def __init__(self) -> None:
        self.calls = self.met = 0
        self.decided: Counter[str] = Counter()
        self.wrong: list[str] = []

    def take(self, one: RuleSet, read: ReadNumber, asked: Asked, before: datetime, after: datetime) -> None:
        """Judge a set's calls, but those during which a minute went by that counts."""
        for spoken, answer in zip(one.calls, asked.answers, strict=True):
            call = _call(read, *spoken)
            wins = winner(one.rules, one.policies, call, before)
            if wins != winner(one.rules, one.policies, call, after):
                continue
            self.calls += 1
            self.met += bool(wins)
            self.decided.update(deciders(one, call, before))
            whole = {"FR_RULE": wins, "FR_SOURCE": "static", "num": wins.removeprefix("rule ") or LAST_RESORT.num}
            if {name: answer[name] for name in whole} != whole:
                rules = "\n".join(map(str, one.rules))
                self.wrong.append(f"{asked.plan.prefix} {spoken}: {answer} instead of {wins!r}\n{rules}")


def _asked(exchange: Exchange, sets: Sequence[RuleSet], readers: Sequence[Numbering]) -> list[Asked]:
    every = [
        Asked(
            plan_of(
                one.rules,
                LAST_RESORT,
                policies=one.policies,
                prefix=f"set{place}",
                respellings=respellings_of(numbering),
                has_region=bool(respellings_of(numbering)),
            ),
            one.calls,
        )
        for place, (one, numbering) in enumerate(zip(sets, readers, strict=True))
    ]
    ask_all(exchange, every)
    return every


def test_the_dialplan_picks_what_the_rulebook_picks(exchange: Exchange, record_figure: Record) -> None:
    rng = random.Random(SEED)
    clock = SystemClock()
    tally = _Tally()
    as_they_come, regional = Numbering(), Numbering(REGION)
    for first in range(0, SETS, AT_ONCE):
        places = range(first, min(first + AT_ONCE, SETS))
        readers = [as_they_come if place % IN_A_REGION else regional for place in places]
        sets = [make_set(rng, clock.now_at(), numbering.read) for numbering in readers]
        before = clock.now_at()
        every = _asked(exchange, sets, readers)
        after = clock.now_at()
        for one, numbering, asked in zip(sets, readers, every, strict=True):
            tally.take(one, numbering.read, asked, before, after)
    assert not tally.wrong, f"{len(tally.wrong)} of {tally.calls}:\n" + "\n".join(tally.wrong[:3])
    record_figure("rule sets compiled to Asterisk's dialplan", SETS)
    record_figure("calls through them, all routed as core.rulebook does", tally.calls)
    record_figure("share of these calls that meet a rule", round(tally.met / tally.calls, 3))
    assert tally.calls > SETS * CALLS_A_SET / 2, "Asterisk was too slow: the minutes went by"
    assert tally.met >= LEAST_MET * tally.calls
    for name in (*FEATURES, POLICY):
        share = tally.decided[name] / tally.calls
        record_figure(f"share of these calls that `{name}` decides", round(share, 3))
        assert share >= LEAST_DECIDED, f"{name} decides too little"
