"""Who asks, and what that one may do."""

import re
from dataclasses import dataclass

READ = "read"
OPERATE = "operate"
EDIT = "edit"
CALL = "call"
SCOPES = (READ, OPERATE, EDIT, CALL)
"""See everything; retry, drop, sync and drill; change rules; have calls made."""

VIEWER = "viewer"
EDITOR = "editor"
ROLES = {VIEWER: frozenset({READ}), EDITOR: frozenset({READ, OPERATE, EDIT})}
"""What people may do by their role."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""A user's or a token's name."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One who has proven who it is.

    Attributes:
        name: the user's, or `token NAME`; as the audit log has it.
        scopes: what it may do.
        csrf: what a change by this login has to bring along; "" for a token, which no browser sends by itself.
    """

    name: str
    scopes: frozenset[str]
    csrf: str = ""

    def may(self, scope: str) -> bool:
        """Tell whether it may do what needs a scope."""
        return scope in self.scopes
