"""A table of the tree as keys and values: no key twice, each value of the kind that its key asks for."""

from fallbackrouter.core.route import printable
from fallbackrouter.rulesfile.problem import Mark, Report
from fallbackrouter.rulesfile.tree import Items, Node, Scalar, Table

MAX_ITEMS = 10_000
"""The most entries of one list in a rule."""

Pairs = dict[str, tuple[Mark, Node]]
"""Key -> the key's place, and its value."""


def read_pairs(table: Table, report: Report) -> Pairs:
    """Return a table's keys; what is no key, or one for the second time, is reported and left out."""
    found: Pairs = {}
    for key, value in table.pairs:
        if not isinstance(key, Scalar) or not key.text:
            report(key.mark, "this is no key", "write `key: value`")
        elif key.text in found:
            report(key.mark, f'"{printable(key.text)}" stands here for the second time', "take one out")
        else:
            found[key.text] = (key.mark, value)
    return found


def one_text(pairs: Pairs, key: str, report: Report) -> Scalar | None:
    """Return the text of a key; None where the key is absent, or its value was reported."""
    if key not in pairs:
        return None
    mark, node = pairs[key]
    if not isinstance(node, Scalar):
        report(node.mark, f"{key} is not one text", f'write {key}: "…"')
        return None
    return node if _is_filled(key, mark, node, report) else None


def texts(pairs: Pairs, key: str, report: Report) -> list[Scalar]:
    """Return the texts of a key: one, or a list of them; none where the key is absent, or all were reported."""
    if key not in pairs:
        return []
    mark, node = pairs[key]
    nodes = node.items if isinstance(node, Items) else (node,)
    if not 1 <= len(nodes) <= MAX_ITEMS:
        report(mark, f"{key} has {len(nodes):,} entries", f"write 1 to {MAX_ITEMS:,} of them, or leave {key} out")
        return []
    found = []
    for item in nodes:
        if not isinstance(item, Scalar):
            report(item.mark, f"{key} holds something that is no text", f'write {key}: "…", or a list of texts')
        elif _is_filled(key, mark if item is node else item.mark, item, report):
            found.append(item)
    return found


def _is_filled(key: str, mark: Mark, scalar: Scalar, report: Report) -> bool:
    if not scalar.text:
        report(mark, f"{key} is empty", f"write its value, or leave {key} out")
    return bool(scalar.text)
