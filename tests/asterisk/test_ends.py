"""The CRM is told how real calls begin and end; also of those whose end nobody could tell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.harness import Exchange
from tests.asterisk.lived import (
    ANSWERS,
    PASTED,
    RECORDINGS,
    RINGS,
    WAYS,
    dialplan,
    hang_up,
    live_channels,
    place,
    report,
    settings,
    told,
    wait_gone,
    wait_told,
)
from tests.asterisk.roots import Release
from tests.asterisk.routed import Routed
from tests.asterisk.settings import INSIDE
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import wait_until
from tests.proof.figures import Record
from tests.proof.size import full_or

pytestmark = pytest.mark.asterisk

DID = "7495111111"
GRACE_S = 1.0
CALLS = full_or(5, full=100)
"""How many are under way when Asterisk is killed."""
EMPTY_WAV = 44


@pytest.fixture(scope="module")
def own(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An Asterisk that may be killed."""
    with Exchange(release, tmp_path_factory.mktemp("own") / "asterisk") as own:
        yield own


@pytest.fixture
def crm() -> Iterator[CrmProcess]:
    with CrmProcess() as crm:
        yield crm


@pytest.fixture
def routed(own: Exchange, crm: CrmProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    with Routed(tmp_path_factory.mktemp("router"), crm.url, more=settings(own, GRACE_S)) as routed:
        routed.start()
        own.load(dialplan(routed, PASTED))
        wait_until(lambda: _asterisk(routed).get("connected"), "the login")
        yield routed


def _crm_was_told(crm: CrmProcess, call_id: str) -> list[tuple[str, bool]]:
    return [(told["stage"], told.get("inferred", False)) for told in crm.events() if told["id"] == call_id]


def _wait_crm(crm: CrmProcess, call_id: str, wanted: list[tuple[str, bool]]) -> None:
    wait_until(lambda: _crm_was_told(crm, call_id) == wanted, f"the CRM to be told {wanted}")


def _answered(own: Exchange, routed: Routed) -> str:
    """Place a call that is answered, and return its token."""
    token = place(own, DID + ANSWERS)
    own.told("Answered", token)
    wait_told(routed, own.call_id(token), ["start"])
    return token


def _recording(own: Exchange, routed: Routed, call_id: str) -> Path:
    [row] = routed.rows(
        "SELECT json_extract(details, '$.extra.link') AS link FROM events WHERE call_id = ? AND stage = 'end_auto'",
        call_id,
    )
    inside = Path(row["link"])
    return own.folder / inside.relative_to(INSIDE)


@pytest.mark.core
@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_is_answered_and_recorded(own: Exchange, routed: Routed, crm: CrmProcess, way: str) -> None:
    own.load(dialplan(routed, way))
    token = _answered(own, routed)
    call_id = own.call_id(token)
    sound = own.folder / RECORDINGS / f"{call_id}.wav"
    wait_until(lambda: sound.exists() and sound.stat().st_size > EMPTY_WAV, "sound in the recording")
    hang_up(own, token)
    wait_told(routed, call_id, ["start", "end_auto"])
    recording = _recording(own, routed, call_id)
    assert recording == sound
    assert recording.stat().st_size > EMPTY_WAV
    _wait_crm(crm, call_id, [("start", False), ("end_auto", False)])
    [started, ended] = [told for told in crm.events() if told["id"] == call_id]
    assert (started["seq"], ended["seq"]) == (1, 2)
    assert {told["callerid"] for told in (started, ended)} == {"79507533333"}
    assert {told["phonenumber"] for told in (started, ended)} == {DID + ANSWERS}
    assert (ended["dialstatus"], started["decision"]) == ("ANSWER", ended["decision"])
    assert routed.decision(started["decision"])["call_id"] == call_id


@pytest.mark.parametrize("way", WAYS)
def test_a_caller_who_hangs_up_while_it_rings(own: Exchange, routed: Routed, crm: CrmProcess, way: str) -> None:
    own.load(dialplan(routed, way))
    token = place(own, DID + RINGS)
    own.told("Ringing", token)
    hang_up(own, token)
    wait_told(routed, own.call_id(token), ["end_failed"])
    _wait_crm(crm, own.call_id(token), [("end_failed", False)])


def test_a_call_that_goes_on_is_not_ended(own: Exchange, routed: Routed) -> None:
    goes_on, other = _answered(own, routed), _answered(own, routed)
    hang_up(own, other)
    wait_told(routed, own.call_id(other), ["start", "end_auto"])
    report(routed, did=DID, stage="start", call_id="1.404", linked_id="1.404", caller="79507533333")
    wait_told(routed, "1.404", ["start", "end_failed inferred"])  # the grace is over
    assert told(routed, own.call_id(goes_on)) == ["start"]
    hang_up(own, goes_on)
    wait_told(routed, own.call_id(goes_on), ["start", "end_auto"])


def test_a_call_that_is_handed_on_is_not_ended(own: Exchange, routed: Routed) -> None:
    token = _answered(own, routed)
    call_id = own.call_id(token)
    channel = next(one for one in live_channels(own) if one["Uniqueid"] == call_id)
    own.ami.action("Redirect", Channel=channel["Channel"], Context="agents", Exten=f"4{RINGS}", Priority="1")
    own.told("Ringing", token)
    # somebody who answered him, known by nothing but the call that both belong to
    report(routed, did=DID, stage="start", call_id="1.505", linked_id=channel["Linkedid"], caller="79507533333")
    report(routed, did=DID, stage="start", call_id="1.406", linked_id="1.406", caller="79507533333")
    wait_told(routed, "1.406", ["start", "end_failed inferred"])  # the grace is over
    assert told(routed, call_id) == told(routed, "1.505") == ["start"]
    hang_up(own, token)
    wait_until(lambda: len(told(routed, call_id)) > 1, "the end")
    assert told(routed, call_id)[1] in {"end_auto", "end_failed"}


def test_asterisk_is_killed_in_the_middle_of_calls(
    own: Exchange, routed: Routed, crm: CrmProcess, record_figure: Record
) -> None:
    ended, *tokens = [_answered(own, routed) for _ in range(CALLS + 1)]
    hang_up(own, ended)
    wait_told(routed, own.call_id(ended), ["start", "end_auto"])
    own.kill()
    wait_until(lambda: not _asterisk(routed)["connected"], "the loss of the manager interface")
    assert all(told(routed, own.call_id(token)) == ["start"] for token in tokens)
    own.start()
    for token in tokens:
        wait_told(routed, own.call_id(token), ["start", "end_failed inferred"])
        _wait_crm(crm, own.call_id(token), [("start", False), ("end_failed", True)])
    assert told(routed, own.call_id(ended)) == ["start", "end_auto"]
    record_figure("calls under way when Asterisk got SIGKILL", CALLS)
    record_figure("of those, ends that the CRM was told, each once and as inferred", len(tokens))
    counts = {"open_calls": 0, "inferred_ends": CALLS, "forgotten_calls": 0}
    wait_until(lambda: _asterisk(routed) == {"connected": True, "reason": "", **counts}, "the end to be counted")


def test_nothing_is_inferred_while_asterisk_is_frozen(own: Exchange, routed: Routed) -> None:
    token = _answered(own, routed)
    own.freeze()
    wait_until(lambda: not _asterisk(routed)["connected"], "the loss of the manager interface")
    own.thaw()
    wait_until(lambda: _asterisk(routed)["connected"], "the way back")
    report(routed, did=DID, stage="start", call_id="1.407", linked_id="1.407", caller="79507533333")
    wait_told(routed, "1.407", ["start", "end_failed inferred"])  # the grace is over
    assert told(routed, own.call_id(token)) == ["start"]
    hang_up(own, token)
    wait_told(routed, own.call_id(token), ["start", "end_auto"])


def test_the_router_is_down_while_a_call_ends(own: Exchange, routed: Routed, crm: CrmProcess) -> None:
    token = _answered(own, routed)
    goes_on = _answered(own, routed)
    routed.stop()
    hang_up(own, token)
    wait_gone(own, own.call_id(token))
    routed.start()
    wait_told(routed, own.call_id(token), ["start", "end_failed inferred"])
    _wait_crm(crm, own.call_id(token), [("start", False), ("end_failed", True)])
    assert told(routed, own.call_id(goes_on)) == ["start"]


def _asterisk(routed: Routed) -> dict[str, object]:
    """Return what the router knows of its Asterisk."""
    state = routed.service.status()["background"].get("asterisk", {})
    assert isinstance(state, dict)
    return state
