"""Everything else: the node's name, events, rules, numbering, logs."""

import re
from collections.abc import Collection

from fallbackrouter.clock import load_zone
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.call import INIT, is_stage
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import printable
from fallbackrouter.log import FORMATS, LEVELS
from fallbackrouter.numbering import REGIONS
from fallbackrouter.store.masking import HASH, MASK

MAX_STAGES = 32
_NODE = re.compile(r"[A-Za-z0-9._-]{0,64}")


def house_faults(settings: Settings) -> Faults:
    """Yield what is wrong with the keys that belong to no other check."""
    yield from _path_faults("data_dir", settings.data_dir)
    yield from _path_faults("rules.dir", settings.rules.dir)
    if not _NODE.fullmatch(settings.node):
        remedy = 'use up to 64 of letters, digits, ".", "_" and "-", or "" for the host\'s name'
        yield Fault("node", f'is "{printable(settings.node)}"', remedy)
    yield from _event_faults(settings)
    yield from _region_faults(settings.numbers.region)
    if load_zone(settings.rules.timezone) is None:
        what = f'is "{printable(settings.rules.timezone)}", which is no time zone'
        yield Fault("rules.timezone", what, 'write a name such as Europe/Moscow, or "" for the machine\'s')
    yield from _word_faults("log.level", settings.log.level, LEVELS)
    yield from _word_faults("log.format", settings.log.format, FORMATS)
    yield from _word_faults("journal.mask", settings.journal.mask, (MASK, HASH))


def _word_faults(key: str, value: str, known: Collection[str]) -> Faults:
    if value not in known:
        yield Fault(key, f'is "{printable(value)}"', write_instead(value, known))


def _path_faults(key: str, text: str) -> Faults:
    if not text or printable(text, len(text)) != text:
        yield Fault(key, "names no folder", "write its path, relative to this file or from /")


def _event_faults(settings: Settings) -> Faults:
    stages = settings.events.stages
    if len(stages) > MAX_STAGES:
        yield Fault("events.stages", f"has {len(stages)} entries", f"use at most {MAX_STAGES}")
        return
    for place, stage in enumerate(stages, 1):
        key = f"events.stages[{place}]"
        if stage == INIT:
            yield Fault(key, "is init, which asks where a call goes and is no event", "take it out")
        elif not is_stage(stage):
            yield Fault(key, f'is "{printable(stage)}", which is no stage', "use 1 to 32 of a-z, 0-9 and _")
        elif stage in stages[: place - 1]:
            yield Fault(key, f"is {stage} for the second time", "take one out")
    if settings.events.routed and not is_stage(settings.events.routed):
        what = f'is "{printable(settings.events.routed)}", which is no stage'
        yield Fault("events.routed", what, 'write "routed" or "init", or "" to tell nothing')


def _region_faults(region: str) -> Faults:
    if region and region not in REGIONS:
        upper = region.upper()
        remedy = f'write "{upper}"' if upper in REGIONS else 'write an ISO country code such as "RU", or ""'
        yield Fault("numbers.region", f'is "{printable(region)}", which has no numbering plan', remedy)
