"""ruamel's words for a syntax error -> ours, with a remedy."""

_INDENT = "let the keys of a rule stand exactly below each other, and `- ` begin each rule"

_KNOWN: tuple[tuple[str, str, str], ...] = (
    ("character '@'", "a text that begins with @ needs quotes", 'write "@file.txt"'),
    ("character '\\t'", "there is a tab here", "indent with blanks"),
    ("character '`'", "a text that begins with ` needs quotes", "put it in quotes"),
    ("character '%'", "a text that begins with % needs quotes", "put it in quotes"),
    ("cannot start any token", "a text that begins with this character needs quotes", "put it in quotes"),
    (
        "mapping values are not allowed",
        "a colon stands where none can",
        f"put a text with `: ` in quotes, and {_INDENT}",
    ),
    ("could not find expected ':'", "a colon is missing", "write `key: value`, with a blank after the colon"),
    ("unexpected end of stream", "a quote is never closed", "close it"),
    ("expected ',' or", "a bracket is never closed, or a comma is missing", "close it, or add the comma"),
    ("expected <block end>", "this does not belong to what stands above", _INDENT),
    ("expected the node content", "a value is missing", "write it"),
    ("unknown escape", "there is an unknown escape in a quoted text", "use single quotes around it"),
    ("expected alphabetic or numeric", "a text that begins with * or & needs quotes", "put it in quotes"),
    ("'<document start>'", "this does not belong to what stands above", _INDENT),
)


def explain(problem: str) -> tuple[str, str]:
    """Return what is wrong and the remedy, for ruamel's own words."""
    for words, what, remedy in _KNOWN:
        if words in problem:
            return what, remedy
    return f"this is not YAML: {problem}", f"check quotes and brackets, and {_INDENT}"
