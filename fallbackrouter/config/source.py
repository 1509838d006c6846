"""Finding and reading the configuration file: which one, bounded, its TOML."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fallbackrouter.config.keys import ENV_CONFIG
from fallbackrouter.core.errors import ConfigError

PLACES = (Path("fallbackrouter.toml"), Path("/etc/fallbackrouter/config.toml"))
"""Where a file is looked for when none is named; the first one that is there counts."""
MAX_FILE_BYTES = 262_144

_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def find_file(explicit: Path | None, environ: Mapping[str, str], places: tuple[Path, ...] = PLACES) -> Path | None:
    """Return the configuration file, None where none is named and none is there.

    Raises:
        ConfigError: the one that was named is not there.
    """
    named = explicit or (Path(environ[ENV_CONFIG]) if environ.get(ENV_CONFIG) else None)
    if named is None:
        return next((place for place in places if place.exists()), None)
    if not named.exists():
        by = "--config" if explicit else ENV_CONFIG
        raise ConfigError(f"{named}, which {by} names, is not there; correct the name, or run `fallbackrouter init`")
    return named


def read_file(path: Path) -> dict[str, Any]:
    """Return a file's tables.

    Raises:
        ConfigError: it cannot be read, is too large, or is no TOML; the text names the line.
    """
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ConfigError(f"{path} cannot be read ({reason}); check its permissions") from None
    if len(body) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES // 1024} kB; it is hardly a configuration")
    try:
        return tomllib.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: the text is not UTF-8; save the file as UTF-8") from None
    except RecursionError:
        raise ConfigError(f"{path}: brackets are nested too deeply; take some out") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_explain(path, str(error))) from None


def _explain(path: Path, message: str) -> str:
    """Put the TOML reader's sentence behind the line that it means."""
    found = _LINE.search(message)
    if not found:
        return f"{path}: {message}; correct it"
    what = message[: found.start()]
    what = what[:1].lower() + what[1:]
    where = f"line {found[1]}" if found[1] else "at its end"
    return f"{path}, {where}: {what}; write `key = value`, texts in double quotes"
