"""`[dialplan]`: known words, and a file where something is to be installed by itself."""

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import printable
from fallbackrouter.dialplan.plan import ASTERISK, CURL, FREEPBX, ORIGINATE

TARGETS = (ASTERISK, FREEPBX)
EVENTS = (CURL, ORIGINATE)


def dialplan_faults(settings: Settings) -> Faults:
    """Yield what is wrong with the keys of the dialplan."""
    wanted = settings.dialplan
    for key, text, known in (("target", wanted.target, TARGETS), ("events", wanted.events, EVENTS)):
        if text not in known:
            yield Fault(f"dialplan.{key}", f'is "{printable(text)}"', write_instead(text, known))
    if printable(wanted.file, len(wanted.file)) != wanted.file:
        yield Fault("dialplan.file", "names no file", "write its path, relative to this file or from /")
    if wanted.auto and not wanted.file:
        yield Fault("dialplan.file", "is empty, and dialplan.auto is on", 'write "/etc/asterisk/fallbackrouter.conf"')
