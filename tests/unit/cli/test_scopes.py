"""What a token may be given by the command line is what a program may do."""

from fallbackrouter.admin.visitor import SCOPES
from fallbackrouter.cli.admin import Scope


def test_every_scope_can_be_given() -> None:
    assert tuple(scope.value for scope in Scope) == SCOPES
