"""Every key of the configuration, as the settings' own types tell: its name, type, default, environment variable."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import msgspec
from msgspec import NODEFAULT
from msgspec.inspect import Field, ListType, StructType, Type, type_info

from fallbackrouter.config.settings import Settings

ENV_PREFIX = "FALLBACKROUTER_"
ENV_CONFIG = "FALLBACKROUTER_CONFIG"
"""Names the configuration file; the one variable with the prefix that is no key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the configuration.

    Attributes:
        path: dotted, as in `agi.workers`; the keys of a `[[policy]]` entry are `policy.did` and so on.
        default: a plain value; None where the key is absent by default.
        required: it has no default.
        env: its environment variable, "" for the keys of an entry, which have none of their own.
    """

    path: str
    type: Type
    default: object
    required: bool
    env: str

    @property
    def section(self) -> str:
        """The table that the key stands in, "" at the top."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key inside its table."""
        return self.path.rpartition(".")[2]


@cache
def all_keys() -> dict[str, Key]:
    """Return path -> key, in the order of the settings; tables stand for their keys."""
    return {key.path: key for key in _keys(settings_type(), "", of_entry=False)}


def settings_type() -> StructType:
    """Return what msgspec knows of Settings."""
    found = type_info(Settings)
    assert isinstance(found, StructType)  # noqa: S101 - Settings is a Struct
    return found


def _keys(struct: StructType, prefix: str, *, of_entry: bool) -> Iterator[Key]:
    for field in struct.fields:
        path = prefix + field.name
        if isinstance(field.type, StructType):
            yield from _keys(field.type, f"{path}.", of_entry=of_entry)
            continue
        env = "" if of_entry else ENV_PREFIX + path.upper().replace(".", "__")
        yield Key(path, field.type, _default(field), field.required, env)
        if isinstance(field.type, ListType) and isinstance(field.type.item_type, StructType):
            yield from _keys(field.type.item_type, f"{path}.", of_entry=True)


def _default(field: Field) -> object:
    if field.default is not NODEFAULT:
        return msgspec.to_builtins(field.default)
    return field.default_factory() if field.default_factory is not NODEFAULT else None
