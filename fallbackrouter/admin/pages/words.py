"""What pages say, in the reader's language.

Its rules:

- texts stand in templates and code in English; the Russian of each is in `words/*.json`, one file for a page, keyed by
  the English text. A text that is counted has three there: for 1, 2 and 5 (`1 звонок`, `2 звонка`, `5 звонков`);
- `words/terms.json` names tiers, states and the like in both languages: what data says is no text for readers;
- numbers among the values are written as the language writes them.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

EN, RU = "en", "ru"
LANGUAGES = (EN, RU)
FOLDER = Path(__file__).parents[1] / "words"
TERMS = "terms.json"
SERVICE = "service.json"
REFUSALS = "refusals.json"
SENTENCES = (SERVICE, REFUSALS)
"""Sentences that the service puts together in English, with {names} for what changes in them."""
MAX_HEADER_CHARS = 500
MAX_TOLD_CHARS = 1000
_THIN = "\N{NARROW NO-BREAK SPACE}"
_NAME = re.compile(r"\\\{(\w+)\\\}")
_SHORT = r"(?P<\1>.{1,80}?)"
_LONG = r"(?P<\1>.+)"
"""What a name in a sentence stands for; all but the last are short, so that no sentence takes long to recognize."""

Catalogue = Mapping[str, str | list[str]]


def language_of(accept: str) -> str:
    """Return the language that a browser wants most of those that there are; English where it wants none.

    Args:
        accept: its Accept-Language.
    """
    best, most = EN, 0.0
    for one in accept[:MAX_HEADER_CHARS].split(","):
        tag, _, parameters = one.partition(";")
        language, weight = tag.strip().lower().partition("-")[0], _weight(parameters)
        if language in LANGUAGES and weight > most:
            best, most = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


def plural_of(count: int) -> int:
    """Return which of the three Russian forms a count takes: 0 as 1, 1 as 2, 2 as 5."""
    tens, ones = abs(count) % 100, abs(count) % 10
    if ones == 1 and tens != 11:  # noqa: PLR2004 - eleven
        return 0
    return 1 if 2 <= ones <= 4 and not 12 <= tens <= 14 else 2  # noqa: PLR2004 - of the language


def read_words(file: Path) -> dict[str, str | list[str]]:
    """Return the texts of one page."""
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str | list[str]])


@cache
def catalogue() -> Catalogue:
    """Return the Russian of every text of the pages."""
    found: dict[str, str | list[str]] = {}
    for file in sorted(FOLDER.glob("*.json")):
        if file.name not in {TERMS, *SENTENCES}:
            found |= read_words(file)
    return found


@cache
def terms() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Return by kind and name what data's words are called in English and in Russian."""
    return msgspec.json.decode((FOLDER / TERMS).read_bytes(), type=dict[str, dict[str, tuple[str, str]]])


@cache
def _sentences() -> Sequence[tuple[re.Pattern[str], str, str]]:
    """Return what recognizes each of the service's sentences, the sentence, and its Russian; the most exact first."""
    found = {text: str(russian) for name in SENTENCES for text, russian in read_words(FOLDER / name).items()}
    ranked = sorted(found.items(), key=lambda one: -len(one[0]))
    return [(_recognizer(text), text, russian) for text, russian in ranked]


def _recognizer(text: str) -> re.Pattern[str]:
    escaped = re.escape(text)
    names = len(_NAME.findall(escaped))
    shortened = _NAME.sub(_SHORT, escaped, count=names - 1) if names > 1 else escaped
    return re.compile(_NAME.sub(_LONG, shortened), re.DOTALL)


class Words:
    """Says things in one language.

    Args:
        language: one of LANGUAGES.
    """

    def __init__(self, language: str) -> None:
        self.language = language

    def t(self, text: str, /, **values: Any) -> str:
        """Return a text with its {values}; in English where it has no Russian, which tests do not let happen."""
        said = catalogue().get(text, text) if self.language == RU else text
        return self._filled(said if isinstance(said, str) else text, values)

    def n(self, one: str, many: str, /, count: int, **values: Any) -> str:
        """Return a text that counts something: `n("{count} call", "{count} calls", count=3)`.

        The Russian forms stand under `many`.
        """
        said = one if count == 1 else many
        if self.language == RU:
            forms = catalogue().get(many, many)
            said = forms if isinstance(forms, str) else forms[plural_of(count)]
        return self._filled(said, {"count": count, **values})

    def term(self, kind: str, name: str) -> str:
        """Return what a word of the data is called; itself where nobody has named it."""
        named = terms()[kind].get(name)
        return named[LANGUAGES.index(self.language)] if named else name

    def told(self, sentence: str) -> str:
        """Return a sentence of the service's own, which it puts together in English; as it is where it is not known."""
        if self.language == EN or not sentence or len(sentence) > MAX_TOLD_CHARS:
            return sentence
        several = "; " in sentence
        for pattern, text, russian in _sentences():
            if (not several or "; " in text) and (found := pattern.fullmatch(sentence)):
                return self._filled(russian, {name: self.told(value) for name, value in found.groupdict().items()})
        return "; ".join(map(self.told, sentence.split("; "))) if several else sentence

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number as the language writes it: 12,345.6 or 12 345,6."""
        text = f"{value:,.{digits}f}"
        return text.translate({ord(","): _THIN, ord("."): ","}) if self.language == RU else text

    def ms(self, value: float | None) -> str:
        """Return a length of time given in milliseconds; a dash for None."""
        if value is None:
            return "\N{EN DASH}"
        digits = 0 if value >= 10 or value == int(value) else 1  # noqa: PLR2004 - two digits are enough to compare by
        return self.t("{ms} ms", ms=self.number(value, digits))

    def length(self, seconds: float) -> str:
        """Return a length of time in the one or two largest units: 42 s, 3 min, 1 h 5 min, 2 d 3 h."""
        whole = max(0, round(seconds))
        if whole < 60:  # noqa: PLR2004 - seconds of a minute
            return self.t("{s} s", s=whole)
        minutes, hours, days = whole // 60, whole // 3600, whole // 86400
        if not hours:
            return self.t("{min} min", min=minutes)
        if not days:
            return " ".join((self.t("{h} h", h=hours), *self._rest("{min} min", "min", minutes % 60)))
        return " ".join((self.t("{d} d", d=days), *self._rest("{h} h", "h", hours % 24)))

    def _rest(self, text: str, name: str, count: int) -> tuple[str, ...]:
        return (self.t(text, **{name: count}),) if count else ()

    def _filled(self, text: str, values: Mapping[str, Any]) -> str:
        if not values:
            return text
        return text.format_map({name: self._value(value) for name, value in values.items()})

    def _value(self, value: Any) -> str:
        return self.number(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
