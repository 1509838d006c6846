"""What the filters of decisions mean to the journal, as people and programs write them."""

from collections.abc import Collection
from datetime import datetime

from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.numbers import dialled_form
from fallbackrouter.office.moments import read_ms, read_past
from fallbackrouter.office.office import Office
from fallbackrouter.store.masking import pseudonym, read_secret
from fallbackrouter.store.moments import to_ms
from fallbackrouter.store.wanted import SOURCES, STATUSES, Numbers, Wanted


def wanted_of(
    office: Office,
    now: datetime,
    *,
    did: str = "",
    caller: str = "",
    source: str = "",
    status: str = "",
    rule: str = "",
    since: str = "",
    until: str = "",
    slow: str = "",
    drill: bool = False,
    sign: str = "",
) -> Wanted:
    """Return what the filters ask for.

    Args:
        sign: what stands before a filter's name where it is written; errors name it so.

    Raises:
        FallbackrouterError: one of them can mean nothing; the text says how to write it.
    """
    first = read_past(f"{sign}since", since, office.zone, now)
    last = read_past(f"{sign}until", until, office.zone, now)
    return Wanted(
        did=_number(office, f"{sign}did", did),
        caller=_number(office, f"{sign}caller", caller),
        source=_one_of(f"{sign}source", source, SOURCES),
        status=_one_of(f"{sign}status", status, STATUSES),
        rule=rule,
        since_ms=to_ms(first) if first else None,
        until_ms=to_ms(last) if last else None,
        slow_ms=read_ms(f"{sign}slow", slow),
        drill=drill,
    )


def _one_of(name: str, word: str, known: Collection[str]) -> str:
    if word and word not in known:
        raise FallbackrouterError(f"{name} {word!r} is none; {write_instead(word, known)}")
    return word


def _number(office: Office, name: str, text: str) -> Numbers | None:
    """Return the number in the form in which the journal compares it, and under the name that hides it there."""
    if not text:
        return None
    if text == "withheld":
        return Numbers(("",))
    if text.endswith("*") and not text.endswith("**"):
        beginning = dialled_form(text[:-1]).removeprefix("+")
        if not beginning:
            raise FallbackrouterError(f"{name} {text!r} is every number; write how it begins, or leave it out")
        return Numbers((beginning,), prefix=True)
    key = office.read_number(text).key
    secret = read_secret(office.data_dir) if key else None
    hidden = (pseudonym(secret)("".join(char for char in key if char.isdecimal())),) if secret else ()
    return Numbers((key, *hidden))
