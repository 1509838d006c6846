"""The filters of *Calls* as the page's address has them, and the address of the page behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.office.office import Office
from fallbackrouter.office.wanted import wanted_of
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.wanted import Wanted

NAMES = ("did", "caller", "source", "status", "rule", "since", "until", "slow")
"""Those that hold a text, spelled as `decisions list` spells them."""
MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for.

    Attributes:
        texts: by the names of NAMES; "" for any.
        before: only what stands behind this decision, by `at` in ms and id; None: from the newest on.
    """

    texts: Mapping[str, str]
    drill: bool = False
    before: tuple[int, str] | None = None

    @property
    def some(self) -> bool:
        """Tell whether anything is left out by them."""
        return self.drill or any(self.texts.values())

    def wanted(self, office: Office, now: datetime) -> Wanted:
        """Return what they mean to the journal; raises FallbackrouterError where one can mean nothing."""
        return wanted_of(office, now, drill=self.drill, **self.texts)

    def behind(self, last: Mapping[str, Any]) -> str:
        """Return the address of the page that begins behind a decision."""
        at_ms = to_ms(datetime.fromisoformat(last["at"]))
        query = {name: text for name, text in self.texts.items() if text}
        drill = {"drill": "on"} if self.drill else {}
        return "/calls?" + urlencode({**query, **drill, "before": f"{at_ms}.{last['id']}"})


def filters_of(query: Mapping[str, str]) -> Filters:
    """Read the filters of an address.

    Raises:
        FallbackrouterError: one is too long, or `before` names no place.
    """
    texts = {name: query.get(name, "").strip() for name in NAMES}
    if any(len(text) > MAX_CHARS for text in texts.values()):
        raise FallbackrouterError(f"a filter has at most {MAX_CHARS} characters; write less")
    return Filters(texts, drill=bool(query.get("drill")), before=_before(query.get("before", "")))


def _before(text: str) -> tuple[int, str] | None:
    at_ms, _, decision = text.partition(".")
    if not text:
        return None
    if not (at_ms.isascii() and at_ms.isdecimal() and len(at_ms) <= 15 and 0 < len(decision) <= MAX_CHARS):  # noqa: PLR2004 - ages
        raise FallbackrouterError("this page's address is not whole; begin at /calls again")
    return int(at_ms), decision
