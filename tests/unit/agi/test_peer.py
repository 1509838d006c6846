"""The client's half: what it sends reads back, whatever a user typed."""

from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.agi.environment import read_environment
from fallbackrouter.agi.peer import header_block


def test_it_spells_what_asterisk_would() -> None:
    block = header_block(
        "test", ["74951111111", "init"], caller="79507533333", call_id="1.2", channel="c", context="x", extension="s"
    )
    environment = read_environment(block)
    assert (environment.script, environment.args) == ("test", ("74951111111", "init"))
    assert environment.values["agi_callerid"] == "79507533333"
    assert read_environment(header_block("ask", [], call_id="1.2")).values["agi_callerid"] == "unknown"


@given(st.text(max_size=30), st.lists(st.text(max_size=20), max_size=4))
def test_nothing_typed_makes_a_line(caller: str, args: list[str]) -> None:
    environment = read_environment(header_block("ask", args, caller=caller, call_id="1.2"))
    assert environment.values["agi_uniqueid"] == "1.2"
    assert len(environment.args) == len(args)
    assert environment.notes == ()
