"""Asterisk's manager interface: can it be reached, does it let us in, and does it tell which calls live?"""

from fallbackrouter.ami.client import AmiClient
from fallbackrouter.clock import Clock
from fallbackrouter.config.build import ami_secret
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import AmiError
from fallbackrouter.daemon.ami_login import ami_client
from fallbackrouter.doctor.finding import Finding, failed_by, ok, skip, warn

NAME = "asterisk"
TOO_MUCH = ("Command", "Originate", "Redirect", "UpdateConfig")
"""Actions by which whoever reads the secret owns the exchange, and that the router never sends."""
ANSWER_S = 5.0
LOGIN_S = 12.0
"""Connecting and the login, each within the client's own patience."""


async def check_asterisk(loaded: Loaded, clock: Clock) -> list[Finding]:
    """Log in as the service does, and ask what it asks.

    Raises:
        ConfigError: the secret cannot be read.
    """
    if not loaded.settings.ami.user:
        return [skip(NAME, "there is no ami.user, so ends of calls that nobody reports are not found")]
    client = ami_client(loaded.settings.ami, ami_secret(loaded), clock)
    await client.start()
    try:
        await client.ready(LOGIN_S)
        return [await _channels(client, loaded.settings.ami.user), *await _rights(client, loaded.settings)]
    except AmiError as error:
        return [failed_by(NAME, error)]
    finally:
        await client.close()


async def _channels(client: AmiClient, user: str) -> Finding:
    channels = await client.channels(ANSWER_S)
    return ok(NAME, f"the manager interface lets {user} in and tells of {len(channels):,} channels")


async def _rights(client: AmiClient, settings: Settings) -> list[Finding]:
    """Compare what the user may do with what the router needs."""
    rights = "reporting,system" if settings.dialplan.auto else "reporting"
    remedy = f"give the user `write = {rights}` in manager.conf, and `asterisk -rx 'manager reload'`"
    allowed = await client.allowed(ANSWER_S)
    too_much = [name for name in TOO_MUCH if name in allowed]
    found = []
    if settings.dialplan.auto and "Reload" not in allowed:
        found.append(warn(NAME, "dialplan.auto is on, and the user may not have the dialplan reloaded", remedy))
    if too_much:
        found.append(warn(NAME, f"the user may do more than the router needs ({', '.join(too_much)})", remedy))
    return found
