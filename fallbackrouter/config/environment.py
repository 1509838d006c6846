"""`FALLBACKROUTER_…` variables over the file's values.

`FALLBACKROUTER_AGI__WORKERS` is `agi.workers`. Texts are taken as they are; numbers, true and false, lists and tables
are TOML values. An entry of a table may stand alone: `FALLBACKROUTER_LAST_RESORT__NUM`. A variable that is no key is an
error.
"""

import tomllib
from collections.abc import Mapping
from typing import Any

from msgspec.inspect import DictType, StrType, Type

from fallbackrouter.config.keys import ENV_CONFIG, ENV_PREFIX, Key, all_keys
from fallbackrouter.config.shape import example_of, kind_of_type
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.core.nearest import nearest
from fallbackrouter.core.route import printable

MAX_VALUE_CHARS = 65_536


def overlay(tables: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Put the environment's values over the file's.

    Args:
        tables: the file's values; changed in place.

    Returns:
        Key -> the variable that it came from.

    Raises:
        ConfigError: a variable that is no key, or whose value is no TOML.
    """
    by_env = {key.env: key for key in all_keys().values() if key.env}
    origins: dict[str, str] = {}
    # A table's own variable comes before those of its entries, as the shorter name sorts first.
    for variable in sorted(name for name in environ if name.startswith(ENV_PREFIX) and name != ENV_CONFIG):
        key, entry = _target(variable, by_env)
        value = _value(variable, environ[variable], _type(key, entry))
        _put(tables, key, entry, value, variable)
        origins[f"{key.path}.{entry}" if entry else key.path] = variable
    return origins


def _target(variable: str, by_env: Mapping[str, Key]) -> tuple[Key, str]:
    """Return the key that a variable sets, and the entry of it, "" for all of it."""
    if variable in by_env:
        return by_env[variable], ""
    table, _, entry = variable.rpartition("__")
    if entry and table in by_env and isinstance(by_env[table].type, DictType):
        return by_env[table], entry.lower()
    meant = nearest(variable, by_env)
    remedy = f"write {meant}" if meant else "see docs/configuration.md, or unset it"
    raise ConfigError(f"environment variable {printable(variable)} is no key of the configuration; {remedy}")


def _type(key: Key, entry: str) -> Type:
    return key.type.value_type if entry and isinstance(key.type, DictType) else key.type


def _value(variable: str, text: str, wanted: Type) -> object:
    if isinstance(wanted, StrType):
        return text
    try:
        parsed = tomllib.loads(f"value = {text}") if len(text) <= MAX_VALUE_CHARS else {}
    except (tomllib.TOMLDecodeError, RecursionError):
        parsed = {}
    if list(parsed) != ["value"]:
        what = f"environment variable {variable} must be {kind_of_type(wanted)} as TOML writes it"
        raise ConfigError(f"{what}; write something such as {example_of(wanted)}")
    return parsed["value"]


def _put(tables: dict[str, Any], key: Key, entry: str, value: object, variable: str) -> None:
    """Put a value in; an entry leaves the table's other entries as they are, be they the defaults."""
    table = _table(tables, key.section, variable) if key.section else tables
    if not entry:
        table[key.name] = value
        return
    default = key.default if isinstance(key.default, dict) else {}
    table.setdefault(key.name, dict(default))
    _table(table, key.name, variable)[entry] = value


def _table(tables: dict[str, Any], name: str, variable: str) -> dict[str, Any]:
    table = tables.setdefault(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{variable} cannot be put into {name}, which is no table in the file; correct the file")
    return table
