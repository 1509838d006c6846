"""YAML text -> a tree of texts with places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fallbackrouter.rulesfile.problem import Mark
from fallbackrouter.rulesfile.tree import MAX_DEPTH, MAX_LINE_CHARS, Items, Node, Scalar, Table, read_tree

Found = list[tuple[Mark, str, str]]


def _read(text: str) -> tuple[Node | None, Found]:
    found: Found = []
    return read_tree(text, lambda mark, what, remedy: found.append((mark, what, remedy))), found


def _plain(node: Node | None) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [_plain(item) for item in node.items]
    if isinstance(node, Table):
        return [(_plain(key), _plain(value)) for key, value in node.pairs]
    return None


@pytest.mark.parametrize(
    "text", ["0100", "no", "on", "null", "~", "1e3", "0x1F", "12:30:45", "1_000", ".5", "true", "2026-01-01", "=", "<<"]
)
def test_every_scalar_is_the_text_that_stands_there(text: str) -> None:
    node, found = _read(f"- {text}\n- '{text}'\n- [{text}]\n- {{{text}: {text}}}\n")
    assert found == []
    assert _plain(node) == [text, text, [text], [(text, text)]]


def test_every_part_knows_its_place() -> None:
    node, _ = _read("# comment\n- name: a\n  did: [x,\n    y]\n")
    assert isinstance(node, Items)
    table = node.items[0]
    assert isinstance(table, Table)
    assert table.mark == Mark(2, 3)
    (_, name), (key, did) = table.pairs
    assert name.mark == Mark(2, 9)
    assert key.mark == Mark(3, 3)
    assert isinstance(did, Items)
    assert [item.mark for item in did.items] == [Mark(3, 9), Mark(4, 5)]


def test_an_empty_value_stands_at_its_key() -> None:
    node, _ = _read("- name: a\n  when:\n\n\n- b\n")
    assert isinstance(node, Items)
    table = node.items[0]
    assert isinstance(table, Table)
    assert table.pairs[1][1] == Scalar("", Mark(2, 3))


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "--- \n...\n"])
def test_an_empty_document_is_no_error(text: str) -> None:
    node, found = _read(text)
    assert _plain(node) in (None, "")
    assert found == []


@pytest.mark.parametrize(
    ("text", "mark", "what"),
    [
        ("- a\n- @list.txt\n", Mark(2, 3), "@"),
        ("- a: *72\n", Mark(1, 6), "*72 is an alias"),
        ("- a: &x 1\n", Mark(1, 6), "&x is an anchor"),
        ("- a: &x [1]\n- *x\n", Mark(1, 6), "&x is an anchor"),
        ("- a: !!python/object:os.system x\n", Mark(1, 6), "tag"),
        ("- a:\n\tb: 1\n", Mark(2, 1), "tab"),
        ("- a: b: c\n", Mark(1, 7), "colon"),
        ("- name: x\n   did: 5\n", Mark(2, 7), "colon"),
        ("- 'abc\n", Mark(1, 3), "quote"),
        ("- [a, b\n- c\n", Mark(1, 3), "bracket"),
        ("- a: 1\n b: 2\n", Mark(2, 2), "does not belong"),
        ("- a\n---\n- b\n", Mark(2, 1), "second document"),
        ("- a\x00b\n", Mark(1, 4), "control character"),
        ("- a\n- b\u202e\n", Mark(2, 4), "control character"),
        ('- "\\q"\n', Mark(1, 3), "escape"),
        ('- "\\UFFFFFFFF"\n', Mark(1, 1), "not YAML"),
        ("[" * 20_000, Mark(1, MAX_DEPTH + 1), "nested"),
        ("- " * 20_000, Mark(1, 2 * MAX_DEPTH + 1), "nested"),
        ("- " + "a" * MAX_LINE_CHARS, Mark(1, 1), "characters"),
        ("%TAG ! !\n%TAG ! !\n- a\n", Mark(2, 1), "not YAML"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, mark: Mark, what: str) -> None:
    _, found = _read(text)
    assert found[0][0] == mark
    assert what in found[0][1]
    assert found[0][2]


def test_an_alias_is_never_expanded() -> None:
    laughs = "- &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"- &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    node, found = _read(laughs)
    assert len(found) == 10 + 9 * 9
    assert isinstance(node, Items)
    assert sum(len(item.items) for item in node.items if isinstance(item, Items)) == 90


def test_too_many_values_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fallbackrouter.rulesfile.tree.MAX_EVENTS", 100)
    _, found = _read("- a\n" * 200)
    assert len(found) == 1
    assert "too many values" in found[0][1]


def test_what_was_whole_before_a_syntax_error_is_kept() -> None:
    node, found = _read("- name: a\n- name: b\n- @c\n- name: d\n")
    assert _plain(node) == [[("name", "a")], [("name", "b")]]
    assert len(found) == 1


@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}\"'#&*!|>%@`,? \n\t\\xU0\r")), max_size=60))
def test_no_text_raises(text: str) -> None:
    _read(text)


@given(st.lists(st.text(max_size=8).filter(lambda text: "\ufeff" not in text), max_size=5))
def test_quoted_texts_come_back_exact(texts: list[str]) -> None:
    escaped = ["".join(f"\\U{ord(char):08x}" for char in text) for text in texts]
    node, found = _read("[" + ",".join(f'"{text}"' for text in escaped) + "]")
    assert found == []
    assert _plain(node) == texts
