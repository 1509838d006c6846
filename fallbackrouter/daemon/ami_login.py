"""The manager interface as the configuration names it."""

from collections.abc import Callable

from fallbackrouter.ami.client import AmiClient
from fallbackrouter.ami.session import OnEvent
from fallbackrouter.clock import Clock
from fallbackrouter.config.checks.agi import split_address
from fallbackrouter.config.settings import Ami


def ami_client(
    ami: Ami,
    secret: str,
    clock: Clock,
    *,
    on_event: OnEvent | None = None,
    on_state: Callable[[str], None] | None = None,
) -> AmiClient:
    """Return a client that has not been started; for settings that were checked, with a user.

    Args:
        secret: as `config.build.ami_secret` reads it; in a child of the daemon `ami.secret` holds it.
    """
    address = split_address(ami.connect)
    assert address is not None  # noqa: S101 - the settings were checked
    return AmiClient(
        address=address[0],
        port=address[1],
        user=ami.user,
        secret=secret,
        clock=clock,
        on_event=on_event,
        on_state=on_state,
    )
