"""Which names may stand in a dialplan: those of variables and of functions that can be written."""

import re

RESERVED_PREFIX = "FR_"
"""Names that begin so, in either case, are the router's own; nothing from outside sets one."""

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_FUNCTION = re.compile(r"[A-Z][A-Z0-9_]{0,31}\([A-Za-z0-9_,:.-]{0,64}\)")


def is_variable(name: str) -> bool:
    """Tell whether a name is a channel variable's and not one of the router's own.

    A leading underscore is left to Asterisk, where it makes a variable inherited.
    """
    return _VARIABLE.fullmatch(name) is not None and not name.upper().startswith(RESERVED_PREFIX)


def is_function(name: str) -> bool:
    """Tell whether a name is a dialplan function with its arguments, such as `CALLERID(name)`."""
    return _FUNCTION.fullmatch(name) is not None
