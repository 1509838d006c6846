"""Incidents wait for somebody who can put them on record, and come in order."""

from typing import TYPE_CHECKING, Any, cast

from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.incidents import MAX_WAITING, Incidents
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from fallbackrouter.daemon.child import Child


class Background:
    """Hears what it is told."""

    def __init__(self, *, ready: bool) -> None:
        self.ready = ready
        self.heard: list[Message] = []

    def tell(self, message: Message) -> None:
        self.heard.append(message)

    @property
    def reasons(self) -> list[Any]:
        return [message["reason"] for message in self.heard]


def test_what_nobody_could_hear_is_told_to_the_first_who_can() -> None:
    there: list[Background] = []
    incidents = Incidents(lambda: cast("Child", there[0]) if there else None, FakeClock())
    incidents.record("worker 1", "died", "first")
    there.append(Background(ready=False))
    incidents.record("worker 1", "ready", "second")
    assert there[0].heard == []
    there[0].ready = True
    incidents.tell()
    incidents.record("crm breaker", "open", "third")
    assert there[0].reasons == ["first", "second", "third"]
    assert there[0].heard[0] | {"at_ms": 0} == {
        "do": "incident",
        "part": "worker 1",
        "state": "died",
        "reason": "first",
        "at_ms": 0,
    }


def test_of_too_many_the_newest_are_told() -> None:
    background = Background(ready=False)
    incidents = Incidents(lambda: cast("Child", background), FakeClock())
    for number in range(MAX_WAITING + 5):
        incidents.record("worker 1", "died", str(number))
    background.ready = True
    incidents.tell()
    assert background.reasons == [str(number) for number in range(5, MAX_WAITING + 5)]
