"""`[alerts]`: a command that is there, a URL, a token, and a time of day."""

import re
import shutil
from pathlib import Path

from fallbackrouter.config.checks.crm import is_readable, url_faults
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Alerts, Settings
from fallbackrouter.config.token import TokenError, clean_token, read_token
from fallbackrouter.core.route import printable

MAX_ARGUMENTS = 64
DAILY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def alerts_faults(settings: Settings, base: Path) -> Faults:
    """Yield what is wrong with the keys on alerts.

    Args:
        base: what paths are relative to.
    """
    alerts = settings.alerts
    yield from _command_faults(alerts.command)
    yield from url_faults("alerts.webhook", alerts.webhook, placeholders=())
    yield from _token_faults(alerts, base)
    if alerts.webhook_ca_file and not is_readable(base / alerts.webhook_ca_file):
        what = f'is "{printable(alerts.webhook_ca_file, 200)}", which cannot be read'
        yield Fault("alerts.webhook_ca_file", what, "correct it")
    if alerts.daily and not DAILY.fullmatch(alerts.daily):
        yield Fault("alerts.daily", f'is "{printable(alerts.daily)}", which is no time of day', "write it like 09:00")


def _command_faults(command: list[str]) -> Faults:
    if not command:
        return
    program = command[0]
    if len(command) > MAX_ARGUMENTS or any("\0" in word for word in command):
        yield Fault("alerts.command", "is no command", f"use at most {MAX_ARGUMENTS} words")
    elif not Path(program).is_absolute():
        yield Fault("alerts.command", f'begins with "{printable(program)}"', "write the program's whole path, from /")
    elif shutil.which(program) is None:
        yield Fault("alerts.command", f'begins with "{printable(program)}", which cannot be run', "correct it")


def _token_faults(alerts: Alerts, base: Path) -> Faults:
    if alerts.webhook_token and alerts.webhook_token_file:
        yield Fault("alerts.webhook_token", "and alerts.webhook_token_file are both set", "keep one of them")
    try:
        if alerts.webhook_token:
            clean_token(alerts.webhook_token)
    except TokenError as error:
        yield Fault("alerts.webhook_token", str(error), error.remedy)
    try:
        if alerts.webhook_token_file:
            read_token(base / alerts.webhook_token_file)
    except TokenError as error:
        yield Fault("alerts.webhook_token_file", str(error), error.remedy)
