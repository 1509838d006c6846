"""Does in Tryton what its users do: `python parties.py CONFIG DATABASE fill COUNT`, and what else is listed in TASKS.

Run by the Python that has trytond. Party N has the mobile number +7950N and the manager at 100 + N % 400.
"""

import sys
from typing import Any

from trytond import config
from trytond.pool import Pool
from trytond.transaction import Transaction

FIRST_MANAGER, MANAGERS = 100, 400


def number_of(party: int) -> str:
    """Return the mobile number that a party has, as its user would type it."""
    return f"+7 950 {party:07}"


def manager_of(party: int) -> str:
    """Return the extension of a party's manager."""
    return str(FIRST_MANAGER + party % MANAGERS)


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


TASKS = {"fill": _fill, "hand-over": _hand_over, "deactivate": _deactivate, "delete-number": _delete_number}


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
