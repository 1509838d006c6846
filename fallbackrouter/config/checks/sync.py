"""`[sync]`: hours that GotoIfTime would take, and expressions that are JMESPath."""

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import ScheduleError
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import printable
from fallbackrouter.core.schedule import parse_window
from fallbackrouter.jobs.feed_map import NAMES, MapError, compiled


def sync_faults(settings: Settings) -> Faults:
    """Yield what is wrong with the keys on the feed."""
    for place, text in enumerate(settings.sync.window, 1):
        try:
            parse_window(text)
        except ScheduleError as error:
            yield Fault(f"sync.window[{place}]", f'is "{printable(text)}": {error}', "write it like 22:00-06:00,*,*,*")
    for name, expression in settings.sync.map.items():
        key = f"sync.map.{printable(name, 40)}"
        if name not in NAMES:
            yield Fault(key, "is nothing that can be mapped", write_instead(name, NAMES))
            continue
        try:
            compiled(name, expression)
        except MapError as error:
            yield Fault(key, str(error), "see docs/crm-contract.md, Other CRMs")
