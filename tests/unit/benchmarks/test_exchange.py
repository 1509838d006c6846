"""What the benchmark inside a real Asterisk is made of, as far as it needs none."""

import json
import os
import re

import pytest

from benchmarks.compiled import SOURCES
from benchmarks.exchange import measure
from benchmarks.exchange.crm import ANSWER, AS_JSON, AS_LINE
from benchmarks.exchange.dialplan import DIDS_EACH, VARIABLES, Peer, curl, fast_agi, script, text
from benchmarks.exchange.feeding import Turn
from benchmarks.feed import did_of

MOST_BYTES = 4096
"""Of a value that Asterisk substitutes."""


def _turns(*rates: float) -> list[Turn]:
    return [Turn(rate, 10, 0) for rate in rates]


def test_all_peers_set_the_same_variables() -> None:
    names = VARIABLES.split(",")
    assert list(ANSWER) == names
    assert f"ARRAY({VARIABLES})" in (SOURCES / "server.c").read_text()
    assert f"for name in {' '.join(names)}; do" in (measure.HERE / "ask_crm.sh").read_text()
    assert list(json.loads(AS_JSON.partition(b"\r\n\r\n")[2])["result"]) == names
    assert AS_LINE.partition(b"\r\n\r\n")[2].count(b",") == len(names) - 1


@pytest.mark.parametrize("name", ["ask_crm.sh", "ask_crm.php"])
def test_scripts_can_be_run_by_asterisk(name: str) -> None:
    assert os.access(measure.HERE / name, os.X_OK)
    assert (measure.HERE / name).read_text().startswith("#!/")


def test_every_feeder_has_numbers_of_its_own_and_every_peer_a_context() -> None:
    dids = [did_of(nth) for nth in range(3 * DIDS_EACH)]
    peers = [fast_agi("a", 4573), curl("b", "http://127.0.0.1/late"), script("c", "/mnt/x", "http://127.0.0.1/now")]
    made = text(peers, dids, 3)
    lists = re.findall(r"^DIDS(\d)=(\d+)$", made, re.MULTILINE)
    assert [number for number, _ in lists] == ["0", "1", "2"]
    assert "".join(share for _, share in lists) == "".join(dids)
    assert all(len(share) < MOST_BYTES for _, share in lists)
    assert re.findall(r"^\[(.*)\]$", made, re.MULTILINE) == ["globals", "feeding", "ask-a", "ask-b", "ask-c"]


def test_an_answer_counts_only_from_the_source_that_is_measured() -> None:
    made = text([Peer("a", "NoOp()", "synced")], [did_of(1)], 1)
    assert '"${told}" = "group:synced:00"' in made


def test_a_ratio_is_the_median_of_turns_each_beside_the_router_s_own() -> None:
    turns = {
        measure.ROUTER: _turns(100, 10, 40, 20, 30, 600),
        measure.FLOOR: _turns(100, 10, 80, 20, 60, 600),
        measure.BASH: _turns(4, 10),
    }
    assert measure.ratio(turns, measure.FLOOR) == 1
    assert measure.ratio(turns, measure.BASH) == (10 + 3) / 2
