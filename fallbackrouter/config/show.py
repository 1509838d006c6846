"""The settings in force, for people and programs; secrets are never among them."""

from typing import Any

import msgspec

from fallbackrouter.config.settings import Settings
from fallbackrouter.config.toml import toml_text

SECRETS = (("crm", "token"), ("ami", "secret"), ("alerts", "webhook_token"), ("admin", "sync_secret"))
HIDDEN = "(set)"


def shown(settings: Settings) -> dict[str, Any]:
    """Return every setting as a plain value, secrets that are set as "(set)"."""
    tables: dict[str, Any] = msgspec.to_builtins(settings)
    for table, name in SECRETS:
        if tables[table][name]:
            tables[table][name] = HIDDEN
    return tables


def shown_toml(settings: Settings) -> str:
    """Return every setting as TOML, secrets that are set as "(set)"."""
    return toml_text(shown(settings))
