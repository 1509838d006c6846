"""What may reach a dialplan: a Route is made here and nowhere else, by the gate.

Whatever comes from outside (a CRM's answer, a feed, a rule file) passes `Gate.check`. Its rules:
a known app with the variables it needs; no names but the configured ones; no control characters; numbers and
prompt names by their patterns; every size bounded, so that an answer always fits one AGI line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fallbackrouter.core.names import RESERVED_PREFIX

MAX_VALUE_CHARS = 512
"""The most characters of one variable's value."""
MAX_ANSWER_COST = 1200
"""The most bytes that all values may take on an AGI line, escaping included (lines stay under 2,000)."""
MAX_DEST_COST = 120
"""The most bytes of one destination (`FR_DEST`, `FR_NEXT`) on the line; a route that has a second one behind it leaves
this much of MAX_ANSWER_COST to that."""
MAX_RULE_CHARS = 80
"""The most characters of a rule's name, as FR_RULE carries it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SECONDS = re.compile(r"[0-9]{1,5}")
_PROMPT = re.compile(r"[\w@+=/.:-]{1,200}")
_AUDIO_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:[/?][A-Za-z0-9._~:/?@!$&'*+;=%-]*)?")
_APP = re.compile(r"[a-z0-9_]{1,32}")
_ESCAPED_TWICE = frozenset('"\\')
_ESCAPED_ONCE = frozenset(",()[]")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes: `app`, `num`, `time` and any further variables, all checked.

    Attributes:
        variables: name -> value in the order given; never an empty value, always an `app`.
        functions: dialplan functions to write, `("CALLERID(name)", "…")`.
    """

    variables: tuple[tuple[str, str], ...]
    functions: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """Return a variable's value, "" where the route has none."""
        for key, value in self.variables:
            if key == name:
                return value
        return ""

    @property
    def app(self) -> str:
        """The kind of destination."""
        return self.get("app")

    @property
    def num(self) -> str:
        """The destination's number, "" where the app needs none."""
        return self.get("num")

    @property
    def fields(self) -> dict[str, str]:
        """Everything as one mapping, as the CRM's `result` spells it."""
        return dict((*self.variables, *self.functions))


@dataclass(frozen=True, slots=True)
class Admitted:
    """A route that passed the gate.

    Attributes:
        notes: what was left out or changed, in plain words.
        left_out: names that are neither configured variables nor functions.
    """

    route: Route
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Fields that may not reach a dialplan, with the reason in plain words and the field to blame ("": all)."""

    reason: str
    field: str = ""


class _RefusalError(Exception):
    def __init__(self, reason: str, field: str = "") -> None:
        self.refused = Refused(reason, field)
        super().__init__(reason)


def printable(text: str, limit: int = MAX_RULE_CHARS) -> str:
    """Return a text that is safe in one line of AGI, log or terminal: no control characters, bounded."""
    return _CONTROL.sub(" ", text)[:limit]


def line_cost(text: str) -> int:
    """Return how many bytes a value takes inside a quoted ARRAY on an AGI line, at the worst."""
    if text.isascii() and text.isalnum():
        return len(text)
    specials = 3 * sum(text.count(char) for char in _ESCAPED_TWICE)
    specials += 2 * sum(text.count(char) for char in _ESCAPED_ONCE)
    return len(text.encode("utf-8", "replace")) + specials


def is_audio_url(text: str) -> bool:
    """Tell whether a text may be the URL that audio is fetched from: http or https, without a user, plain letters."""
    return _AUDIO_URL.fullmatch(text) is not None


def answer_cost(route: Route) -> int:
    """Return how many bytes a route's values take on an AGI line; at most MAX_ANSWER_COST for what passed the gate."""
    return sum(line_cost(value) for _, value in (*route.variables, *route.functions))


def leaves_room_for_next(route: Route) -> bool:
    """Tell whether an answer of this route still fits its line with a second destination."""
    return answer_cost(route) + MAX_DEST_COST <= MAX_ANSWER_COST


@dataclass(frozen=True, slots=True)
class Gate:
    """The one gate between the outside and the dialplan; made from the `answers` section of the config.

    Attributes:
        apps: app -> the variables that it needs.
        num: what `num` has to match whole.
        external: what `num` has to match whole where app is `external`.
        variables: the names that a route may set; never one that begins with `FR_`.
        functions: the dialplan functions that a route may write.
        keep_quotes: leave `"` in values; else they are stripped.
        audio_urls: `audio…` may be a URL with all that a URL has; it never reaches a dialplan, its local copy does.
    """

    apps: Mapping[str, tuple[str, ...]]
    num: re.Pattern[str]
    external: re.Pattern[str]
    variables: frozenset[str]
    functions: frozenset[str] = frozenset()
    keep_quotes: bool = False
    audio_urls: bool = False

    def check(self, fields: Mapping[str, object]) -> Admitted | Refused:
        """Turn fields from outside into a Route.

        Args:
            fields: name -> value, as JSON or YAML gave them; text, whole numbers and null (absent) are accepted.

        Returns:
            Admitted, or Refused with the first reason found. Names that are not configured are left out and noted;
            where they are an error (rules), `Admitted.left_out` names them.
        """
        try:
            return self._admit(fields)
        except _RefusalError as refusal:
            return refusal.refused

    def _admit(self, fields: Mapping[str, object]) -> Admitted:
        variables: list[tuple[str, str]] = []
        functions: list[tuple[str, str]] = []
        left_out: list[str] = []
        notes: list[str] = []
        for name, given in fields.items():
            into = variables if name in self.variables else functions if name in self.functions else None
            if into is None or name.upper().startswith(RESERVED_PREFIX):
                left_out.append(printable(str(name), 40))
                continue
            value = self._value(name, given, notes)
            if value:
                into.append((name, value))
        route = Route(tuple(variables), tuple(functions))
        self._check_app(route)
        if answer_cost(route) > MAX_ANSWER_COST:
            raise _RefusalError("the answer's values are too long together for one AGI line")
        notes.extend(f"left out {name}: not in answers.variables" for name in left_out[:8])
        return Admitted(route, tuple(notes), tuple(left_out))

    def _value(self, name: str, given: object, notes: list[str]) -> str:
        """Return the value as text, "" where it is absent."""
        if given is None:
            return ""
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise _RefusalError(f"{name} is {_kind(given)}, not text", name)
        if isinstance(given, int) and abs(given) >= 10**40:
            raise _RefusalError(f"{name} is a number with more than 40 digits", name)
        text = str(given)
        if len(text) > MAX_VALUE_CHARS:
            raise _RefusalError(f"{name} is longer than {MAX_VALUE_CHARS} characters", name)
        if _CONTROL.search(text):
            raise _RefusalError(f"{name} holds a control character", name)
        if '"' in text and not self.keep_quotes:
            text = text.replace('"', "")
            notes.append(f"quotes stripped from {name}")
        self._check_shape(name, text)
        return text

    def _check_shape(self, name: str, text: str) -> None:
        if not text:
            return
        if name == "app" and not _APP.fullmatch(text):
            raise _RefusalError("app is no app's name", name)
        if name == "num" and not self.num.fullmatch(text):
            raise _RefusalError("num does not match answers.num", name)
        if name == "time" and not _SECONDS.fullmatch(text):
            raise _RefusalError("time is not a number of seconds", name)
        if name.startswith("audio") and not self._is_prompt(text):
            raise _RefusalError(f"{name} is not a prompt's name", name)

    def _is_prompt(self, text: str) -> bool:
        if self.audio_urls and "://" in text:
            return is_audio_url(text)
        return _PROMPT.fullmatch(text) is not None and ".." not in text

    def _check_app(self, route: Route) -> None:
        app = route.app
        if not app:
            raise _RefusalError("no app", "app")
        needed = self.apps.get(app)
        if needed is None:
            raise _RefusalError(f"unknown app {app}", "app")
        for name in needed:
            if not route.get(name):
                raise _RefusalError(f"app {app} needs {name}", name)
        if app == "external" and not self.external.fullmatch(route.num):
            raise _RefusalError("num does not match answers.external", "num")


def _kind(value: object) -> str:
    kinds = {bool: "true or false", float: "a fraction", list: "a list", dict: "a table"}
    return kinds.get(type(value), "of an unknown kind")
