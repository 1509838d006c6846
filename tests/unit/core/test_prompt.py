"""Which variables are prompts, and what an answer carries in their place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.agi.answer import ABOUT, AnswerShape, question_commands
from fallbackrouter.agi.commands import MAX_LINE_BYTES
from fallbackrouter.core.prompt import AUDIO, SPEECH, Naming, Placed, Prompt, place
from fallbackrouter.core.prompt_farewell import FAREWELL_MS, Farewells
from fallbackrouter.core.prompt_room import Held, leavers
from fallbackrouter.core.route import MAX_ANSWER_COST, Admitted, Gate, Refused, Route, answer_cost, is_audio_url
from tests.unit.agi.test_answer import decision

URL = "https://crm.example/files/hello%20there.mp3?id=7&x=~1"
NAMING = Naming(frozenset({"text"}), "en", "language", {"en": "en", "ru": "ru-f"})
GATE = Gate(
    {"group": ("num",)},
    re.compile(".{1,40}"),
    re.compile("x"),
    frozenset({"app", "num", "audio1", "audio2", "text", "language"}),
    audio_urls=True,
)
PATH = "/var/lib/prompts/" + "a" * 32


def route(**fields: str) -> Route:
    admitted = GATE.check({"app": "group", "num": "62", **fields})
    assert isinstance(admitted, Admitted)
    return admitted.route


def keys(**fields: str) -> dict[str, Prompt]:
    return dict(NAMING.prompts(dict(route(**fields).variables)))


def test_urls_and_texts_are_prompts_and_names_of_files_are_not() -> None:
    assert keys(audio1=URL, audio2="custom/hello", text="Hi") == {
        "audio1": Prompt(AUDIO, URL),
        "text": Prompt(SPEECH, "Hi", "en", "en"),
    }
    assert keys(text="Привет", language="ru")["text"] == Prompt(SPEECH, "Привет", "ru", "ru-f")
    assert keys(text="Hi", language="tlh")["text"].language == "en"
    assert keys() == {}


def test_a_key_is_of_all_that_makes_a_prompt() -> None:
    prompts = [Prompt(AUDIO, "x"), Prompt(SPEECH, "x"), Prompt(SPEECH, "x", "ru"), Prompt(SPEECH, "x", "ru", "f")]
    assert len({prompt.key for prompt in prompts}) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", prompt.key) for prompt in prompts)


def test_what_is_there_becomes_a_path_and_what_is_not_is_absent_and_wanted() -> None:
    asked = route(audio1=URL, text="Hi")
    there = Prompt(AUDIO, URL)
    placed = place(asked, NAMING, {there.key: PATH})
    assert placed == Placed({"audio1": PATH, "text": ""}, "missing", (there.key,), (Prompt(SPEECH, "Hi", "en", "en"),))
    assert place(route(audio1=URL), NAMING, {there.key: PATH}).status == "ok"
    assert place(route(), NAMING, {}) == Placed({})


@pytest.mark.parametrize(
    "text",
    [
        "ftp://crm.example/a.wav",
        "https://user:secret@crm.example/a.wav",
        "https://crm.example/a b.wav",
        "https://crm.example/a,b.wav",
        "https:///a.wav",
        "https://crm.example/a.wav\n",
        "https://crm.example/${SHELL(id)}",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_plain_url_is_none(text: str) -> None:
    assert not is_audio_url(text)
    assert isinstance(GATE.check({"app": "group", "num": "62", "audio1": text}), Refused)


def test_a_quote_is_no_part_of_a_url() -> None:
    assert not is_audio_url('https://crm.example/"a.wav')


def test_without_a_folder_the_gate_is_as_it_was() -> None:
    strict = Gate(GATE.apps, GATE.num, GATE.external, GATE.variables)
    assert isinstance(strict.check({"app": "group", "num": "62", "audio1": URL}), Refused)


class Always:
    """All prompts are there, at the longest path there may be."""

    def place(self, asked: Route) -> Placed:
        class Paths(dict[str, str]):
            def get(self, _key: str, _default: object = None) -> str:
                return "/" + "p" * 99 + "/" + "a" * 32

        return place(asked, NAMING, Paths())


NAMES = (*(f"n{number:03}" for number in range(46)), "app", "num", "audio1", "audio2", "text")
SHAPE = AnswerShape(NAMES, {"group": f"{'x' * 62},{{num}},1"}, Always())
texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=400)


@given(texts, st.sampled_from(["", URL]), st.sampled_from(["", URL, "https://c/" + "x" * 480]), st.booleans())
def test_an_answer_with_prompts_fits_a_line(text: str, first: str, second: str, following: bool) -> None:
    admitted = GATE.check({"app": "group", "num": "6" * 40, "text": text, "audio1": first, "audio2": second})
    if isinstance(admitted, Refused):
        return
    placed = Always().place(admitted.route)
    after = Route(tuple((name, placed.values.get(name, value)) for name, value in admitted.route.variables))
    assert answer_cost(after) <= max(MAX_ANSWER_COST, answer_cost(admitted.route))
    then = Route((("app", "group"), ("num", "6" * 40))) if following else None
    (line,) = question_commands(decision(admitted.route, '"' * 80, then=then), recorded=False, shape=SHAPE)
    assert len(line.encode()) + 1 < MAX_LINE_BYTES
    assert line.count("FR_PROMPT") == 1


def test_fr_prompt_stands_before_fr_source_where_prompts_are_kept_and_nowhere_else() -> None:
    assert SHAPE.names == (*NAMES, *ABOUT[:-1], "FR_PROMPT", "FR_SOURCE")
    assert AnswerShape(("app",)).names == ("app", *ABOUT)
    with pytest.raises(ValueError, match="names"):
        AnswerShape((*NAMES, "n" * 12), {}, Always())


# --- who leaves ---------------------------------------------------------------------------------------------------

helds = st.lists(
    st.builds(
        Held,
        key=st.sampled_from([f"k{number}" for number in range(12)]),
        content=st.sampled_from(["", "a", "b", "c", "d"]),
        size_bytes=st.just(10),
        used_ms=st.integers(0, 5),
    ),
    unique_by=lambda one: one.key,
)


@given(helds, st.sets(st.sampled_from([f"k{number}" for number in range(12)])), st.integers(0, 50), st.integers(0, 12))
def test_only_as_many_leave_as_have_to_the_oldest_first_and_never_what_is_named(
    held: list[Held], stays: set[str], most: int, count: int
) -> None:
    def fits(rest: list[Held]) -> bool:
        return 10 * len({one.content for one in rest if one.content}) <= most and len(rest) <= count

    gone = leavers(held, stays, most, count)
    if gone is None:
        assert not fits([one for one in held if one.key in stays])
        return
    assert not stays & set(gone)
    assert fits([one for one in held if one.key not in gone])
    uses = {one.key: one.used_ms for one in held}
    left = [one.used_ms for one in held if one.content and one.key not in {*gone, *stays}]
    assert all(uses[key] <= min(left, default=9) for key in gone)
    if gone:
        assert not fits([one for one in held if one.key not in gone[:-1]])


def test_what_has_left_lies_on_where_there_is_room_and_comes_back() -> None:
    left = Farewells()
    for moment, content in enumerate(("a", "b", "c")):
        left.say(content, 10, moment)
    left.say("", 10, 0)
    assert left.take_due({"x": 10}, 40, 3) == []
    assert left.take_due({"x": 20}, 40, 3) == ["a"]
    assert left.take_due({"x": 20, "b": 10}, 40, 3) == [], "it is needed again"
    assert left.take_due({"x": 20}, 40, FAREWELL_MS + 2) == ["c"]
    left.say("d", 10, FAREWELL_MS)
    assert left.take_due({}, 40, FAREWELL_MS, at_once=True) == ["d"]
    assert left.take_due({}, 0, 9 * FAREWELL_MS) == []
