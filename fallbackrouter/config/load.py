"""Loading the configuration: file, environment, types, sense; what cannot be used is one sentence.

The sentence names the file or the variable, the key, and the remedy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fallbackrouter.config.checks import first_fault, remarks
from fallbackrouter.config.environment import overlay
from fallbackrouter.config.fault import Fault
from fallbackrouter.config.keys import ENV_PREFIX, settings_type
from fallbackrouter.config.settings import Settings
from fallbackrouter.config.shape import misfits
from fallbackrouter.config.source import PLACES, find_file, read_file
from fallbackrouter.core.errors import ConfigError

LAST_RESORT_EXAMPLE = '[last_resort] with app = "group", num = "100", time = "60"'

_LAST_RESORT_ENV = ENV_PREFIX + "LAST_RESORT"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    Attributes:
        path: the file, as it was named; None where the environment alone says everything.
        base: the absolute folder that paths in the settings are relative to.
        notes: what can be used but hardly does what was meant; for people.
    """

    settings: Settings
    path: Path | None
    base: Path
    notes: tuple[str, ...] = ()

    def file(self, text: str) -> Path:
        """Return a path of the settings as an absolute one."""
        return self.base / text


def load_settings(explicit: Path | None, environ: Mapping[str, str], places: tuple[Path, ...] = PLACES) -> Loaded:
    """Load the configuration.

    Args:
        explicit: the file that `--config` names.
        places: where a file is looked for when none is named.

    Raises:
        ConfigError: there is none, or it cannot be used; one sentence that says what to do.
    """
    path = find_file(explicit, environ, places)
    if path is None and not any(name.startswith(_LAST_RESORT_ENV) for name in environ):
        raise ConfigError("there is no configuration; run `fallbackrouter init`, which writes fallbackrouter.toml here")
    tables = read_file(path) if path else {}
    origins = overlay(tables, environ)
    base = path.absolute().parent if path else Path.cwd()
    settings = _settings(tables, base, path, origins)
    return Loaded(settings, path, base, tuple(remarks(settings, base)))


def _settings(tables: dict[str, Any], base: Path, path: Path | None, origins: Mapping[str, str]) -> Settings:
    if "last_resort" not in tables:
        place = path or "the environment"
        raise ConfigError(
            f"{place}: last_resort is missing, and nobody can guess where calls go when nobody knows; "
            f"write {LAST_RESORT_EXAMPLE}"
        )
    misfit = next(misfits(tables, settings_type()), None)
    if misfit is not None:
        raise _error(misfit, path, origins)
    try:
        settings = msgspec.convert(tables, Settings)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ConfigError(f"{path or 'the environment'}: {error}; see docs/configuration.md") from None
    fault = first_fault(settings, base)
    if fault is not None:
        raise _error(fault, path, origins)
    return settings


def _error(fault: Fault, path: Path | None, origins: Mapping[str, str]) -> ConfigError:
    key = fault.key.partition("[")[0]
    variable = next((origins[name] for name in (key, key.rpartition(".")[0]) if name in origins), "")
    place = f"environment variable {variable}" if variable else path or "the environment"
    return ConfigError(f"{place}: {fault.key} {fault.what}; {fault.remedy}")
