"""Does in Tryton what its users do: `python -m tests.tryton.parties CONFIG DATABASE fill COUNT`.

What else they do is listed in TASKS. Run by the Python that has trytond.
"""

import sys
from collections.abc import Callable
from typing import Any

from trytond import config
from trytond.pool import Pool
from trytond.transaction import Transaction

from tests.tryton.invented import manager_of, number_of


def _fill(parties: Any, count: str) -> None:
    parties.create(
        [
            {
                "name": f"Party {one}",
                "contact_mechanisms": [
                    ("create", [{"type": "mobile", "value": number_of(one)}, {"type": "sip", "value": manager_of(one)}])
                ],
            }
            for one in range(int(count))
        ]
    )


def _contact(party: Any, kind: str) -> Any:
    [contact] = [one for one in party.contact_mechanisms if one.type == kind]
    return contact


def _found(parties: Any, party: str) -> Any:
    [found] = parties.search([("name", "=", f"Party {party}")])
    return found


def _hand_over(parties: Any, party: str, manager: str) -> None:
    contact = _contact(_found(parties, party), "sip")
    contact.value = manager
    contact.save()


def _deactivate(parties: Any, party: str) -> None:
    parties.write([_found(parties, party)], {"active": False})


def _delete_number(parties: Any, party: str) -> None:
    contact = _contact(_found(parties, party), "mobile")
    contact.delete([contact])


TASKS: dict[str, Callable[..., None]] = {
    "fill": _fill,
    "hand-over": _hand_over,
    "deactivate": _deactivate,
    "delete-number": _delete_number,
}


def main(file: str, database: str, task: str, *words: str) -> None:
    """Do one task in one transaction."""
    config.update_etc(file)
    Pool.start()
    pool = Pool(database)
    pool.init()
    with Transaction().start(database, 1, context={}):
        TASKS[task](pool.get("party.party"), *words)


if __name__ == "__main__":
    main(*sys.argv[1:])
