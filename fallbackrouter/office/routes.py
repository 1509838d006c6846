"""The CRM's routes, as they are kept here."""

from collections.abc import Iterator
from typing import Any

from fallbackrouter.core.numbers import Number
from fallbackrouter.office.office import Office
from fallbackrouter.store.route_shapes import WITHHELD, condition
from fallbackrouter.store.routes_read import read_routes


def chosen(office: Office, did: str = "", caller: str = "") -> Iterator[dict[str, Any]]:
    """Yield routes, all or those that match a number.

    Raises:
        StoreError: routes.db cannot be read.
    """
    rows = read_routes(office.routes)
    wanted = {name: office.read_number(text) for name, text in (("did", did), ("caller", caller)) if text}
    return (row for row in rows if all(_matches(row.get(name, ""), number) for name, number in wanted.items()))


def _matches(named: str, number: Number) -> bool:
    text = named if named.startswith("_") or not named else "-" if named == WITHHELD else f"={named}"
    matched: bool = condition(text).matches(number)
    return matched
