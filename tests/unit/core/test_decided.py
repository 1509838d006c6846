from fallbackrouter.core.decided import Decided
from tests.fakes.calls import call


def test_a_call_is_found_by_its_channel_and_by_the_call_it_belongs_to() -> None:
    decided = Decided()
    decided.keep(call(call_id="b", linked_id="a"), "one")
    assert decided.of(call(call_id="b")) == "one"
    assert decided.of(call(call_id="c", linked_id="a")) == "one"
    assert decided.of(call(call_id="c", linked_id="d")) == ""


def test_the_channels_own_decision_comes_first_and_the_latest_counts() -> None:
    decided = Decided()
    decided.keep(call(call_id="a"), "one")
    decided.keep(call(call_id="b"), "two")
    decided.keep(call(call_id="b"), "three")
    assert decided.of(call(call_id="b", linked_id="a")) == "three"


def test_calls_without_an_id_are_not_one_call() -> None:
    decided = Decided()
    decided.keep(call(), "one")
    assert decided.of(call()) == ""


def test_only_so_many_are_kept_and_the_oldest_goes() -> None:
    decided = Decided(max_calls=2)
    for name in "aba":
        decided.keep(call(call_id=name), name)
    decided.keep(call(call_id="c"), "c")
    assert [decided.of(call(call_id=name)) for name in "abc"] == ["a", "", "c"]
