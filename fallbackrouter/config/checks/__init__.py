"""Whether settings of the right types also make sense, room by room; each fault with its key and remedy."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fallbackrouter.config.checks.admin import admin_faults
from fallbackrouter.config.checks.agi import agi_faults
from fallbackrouter.config.checks.alerts import alerts_faults
from fallbackrouter.config.checks.ami import ami_faults, ami_remarks
from fallbackrouter.config.checks.answers import answers_faults, last_resort_faults
from fallbackrouter.config.checks.calls import calls_faults
from fallbackrouter.config.checks.crm import crm_faults
from fallbackrouter.config.checks.dialplan import dialplan_faults
from fallbackrouter.config.checks.house import house_faults
from fallbackrouter.config.checks.numbers import number_faults
from fallbackrouter.config.checks.policy import policy_faults
from fallbackrouter.config.checks.prompts import prompts_faults
from fallbackrouter.config.checks.recordings import recordings_faults
from fallbackrouter.config.checks.remarks import remarks as plain_remarks
from fallbackrouter.config.checks.sync import sync_faults
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Settings

__all__ = ["faults", "first_fault", "remarks"]


def faults(settings: Settings, base: Path) -> Faults:
    """Yield everything that makes no sense.

    Args:
        base: what paths in the settings are relative to.
    """
    return chain(
        number_faults(settings),
        agi_faults(settings),
        crm_faults(settings, base),
        ami_faults(settings, base),
        alerts_faults(settings, base),
        calls_faults(settings, base),
        admin_faults(settings, base),
        answers_faults(settings),
        last_resort_faults(settings),
        policy_faults(settings),
        recordings_faults(settings),
        sync_faults(settings),
        prompts_faults(settings, base),
        dialplan_faults(settings),
        house_faults(settings),
    )


def remarks(settings: Settings, base: Path) -> Iterator[str]:
    """Yield what can be used, but hardly does what was meant."""
    return chain(plain_remarks(settings), ami_remarks(settings, base))


def first_fault(settings: Settings, base: Path) -> Fault | None:
    """Return the first thing that makes no sense, None where everything does."""
    return next(faults(settings, base), None)
