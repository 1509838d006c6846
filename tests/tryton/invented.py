"""Who the parties in Tryton are; read by Tryton's Python and by that of the tests."""

FIRST_MANAGER, MANAGERS = 100, 400


def number_of(party: int) -> str:
    """Return the mobile number that a party has, as its user would type it."""
    return f"+7 950 {party:07}"


def manager_of(party: int) -> str:
    """Return the extension of a party's manager."""
    return str(FIRST_MANAGER + party % MANAGERS)
