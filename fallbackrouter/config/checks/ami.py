"""`[ami]`: a literal address, a user with a secret, and who else may read the secret."""

import ipaddress
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from fallbackrouter.config.checks.agi import split_address
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Ami, Settings
from fallbackrouter.config.token import TokenError, clean_token, read_token
from fallbackrouter.core.route import printable

_USER = re.compile(r"[!-~]{1,80}")


def ami_faults(settings: Settings, base: Path) -> Faults:
    """Yield what is wrong with the manager interface's keys.

    Args:
        base: what paths are relative to.
    """
    ami = settings.ami
    address = split_address(ami.connect)
    if address is None or not address[1]:
        what = f'is "{printable(ami.connect)}", which is no address with a port'
        yield Fault("ami.connect", what, "write ip:port such as 127.0.0.1:5038 or [::1]:5038, never a host's name")
    if not ami.user:
        return
    if not _USER.fullmatch(ami.user):
        yield Fault("ami.user", f'is "{printable(ami.user)}"', "write the section's name of the user in manager.conf")
    yield from _secret_faults(ami, base)


def _secret_faults(ami: Ami, base: Path) -> Faults:
    if not ami.secret and not ami.secret_file:
        yield Fault("ami.secret_file", "is missing, as ami.user is set", "name a file that holds the user's secret")
    elif ami.secret and ami.secret_file:
        yield Fault("ami.secret", "and ami.secret_file are both set", "keep one of them")
    try:
        if ami.secret:
            clean_token(ami.secret)
    except TokenError as error:
        yield Fault("ami.secret", str(error), error.remedy)
    try:
        if ami.secret_file:
            read_token(base / ami.secret_file)
    except TokenError as error:
        yield Fault("ami.secret_file", str(error), error.remedy)


def ami_remarks(settings: Settings, base: Path) -> Iterator[str]:
    """Yield sentences on what can be used, but hardly was meant."""
    ami = settings.ami
    if not ami.user:
        if ami.secret or ami.secret_file:
            yield "ami has a secret but no user, so Asterisk's manager interface is not used"
        return
    address = split_address(ami.connect)
    if address is not None and not ipaddress.ip_address(address[0]).is_loopback:
        yield "ami.connect is another machine, so the secret travels readable for everybody on the way"
    if ami.secret_file and _is_open(base / ami.secret_file):
        yield "ami.secret_file may be read by other users of this machine; chmod it to 0600"


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return False
