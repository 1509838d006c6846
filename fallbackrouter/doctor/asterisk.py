"""Asterisk's manager interface: can it be reached, does it let us in, and does it tell which calls live?"""

from fallbackrouter.ami.client import AmiClient
from fallbackrouter.clock import Clock
from fallbackrouter.config.build import ami_secret
from fallbackrouter.config.load import Loaded
from fallbackrouter.core.errors import AmiError
from fallbackrouter.daemon.ami_login import ami_client
from fallbackrouter.doctor.finding import Finding, failed_by, ok, skip

NAME = "asterisk"
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
        return [await _look(client, loaded.settings.ami.user)]
    except AmiError as error:
        return [failed_by(NAME, error)]
    finally:
        await client.close()


async def _look(client: AmiClient, user: str) -> Finding:
    """Tell what there is to see.

    Raises:
        AmiError: nothing.
    """
    await client.ready(LOGIN_S)
    channels = await client.channels(ANSWER_S)
    return ok(NAME, f"the manager interface lets {user} in and tells of {len(channels):,} channels")
