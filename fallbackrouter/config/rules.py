"""Checks and applies the rules of a configuration: for commands and the service alike. Never in a call worker."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from fallbackrouter.clock import load_zone
from fallbackrouter.config.build import answer_shape, build_gate, default_zone
from fallbackrouter.config.load import Loaded
from fallbackrouter.jobs.rules_apply import Applied, apply_rules, examine_rules
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile.check import Checked, check_rules
from fallbackrouter.rulesfile.sources import read_sources


def check_configured_rules(loaded: Loaded) -> Checked:
    """Check every rules file of `rules.dir`.

    Never raises: what cannot be read is a problem too.
    """
    settings = loaded.settings
    return check_rules(
        loaded.file(settings.rules.dir),
        gate=build_gate(settings),
        read_number=Numbering(settings.numbers.region).read,
        load_zone=load_zone,
        default_zone=default_zone(settings),
        destination=answer_shape(settings).destination,
    )


def rules_folder(loaded: Loaded) -> Path:
    """Return the folder of rule files."""
    return loaded.file(loaded.settings.rules.dir)


def check_folder(loaded: Loaded, folder: Path) -> Checked:
    """Check every rules file of another folder, as if it were `rules.dir`; never raises either."""
    rules = msgspec.structs.replace(loaded.settings.rules, dir=str(folder))
    return check_configured_rules(replace(loaded, settings=msgspec.structs.replace(loaded.settings, rules=rules)))


def apply_configured_rules(loaded: Loaded, journal: Path, note: str, at: datetime, *, asked: bool = True) -> Applied:
    """Take the rule files of a configuration over; see `jobs.rules_apply.apply_rules`."""
    folder = rules_folder(loaded)
    check, read = partial(check_configured_rules, loaded), partial(read_sources, folder)
    return apply_rules(check, journal, note, at, read=read, asked=asked)


def examine_configured_rules(loaded: Loaded, journal: Path) -> Applied:
    """Look at the rule files of a configuration and change nothing; see `jobs.rules_apply.examine_rules`."""
    return examine_rules(
        partial(check_configured_rules, loaded), journal, read=partial(read_sources, rules_folder(loaded))
    )
