"""`_prepare`: reads, checks, migrates and compiles in a process of its own, and hands the parent a plan.

It never leaves the service worse than it found it: broken rule files keep the last good set serving, and so does a
disk that takes no new set. What nobody may overlook goes to the log.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fallbackrouter import log
from fallbackrouter.clock import SystemClock
from fallbackrouter.config.build import ami_secret, crm_token, sync_secret, webhook_token
from fallbackrouter.config.load import Loaded, load_settings
from fallbackrouter.config.rules import apply_configured_rules
from fallbackrouter.config.settings import Admin, Settings
from fallbackrouter.core.errors import ConfigError, FallbackrouterError, StoreError
from fallbackrouter.daemon.plan import Plan
from fallbackrouter.daemon.rules_told import tell_of
from fallbackrouter.store.damage import alone, set_aside
from fallbackrouter.store.faults import DamagedError
from fallbackrouter.store.migrate import upgrade

_OWN_FILES = ("ca_file", "client_cert", "client_key")
_ADMIN_FILES = ("cert", "key")


def main(arguments: Sequence[str]) -> int:
    """Make the plan.

    Returns:
        The exit code: 0 with a plan on stdout, 1 with a sentence there.
    """
    parser = argparse.ArgumentParser(prog="fallbackrouter", description="a process that `fallbackrouter serve` starts")
    parser.add_argument("--config", type=Path)
    try:
        return _prepare(load_settings(parser.parse_args(arguments).config, os.environ))
    except FallbackrouterError as refusal:
        _say({"error": str(refusal)})
        return 1
    finally:
        log.close()


def _prepare(loaded: Loaded) -> int:
    settings = loaded.settings
    data_dir = _make_data_dir(loaded)
    token = crm_token(loaded)
    _say({"data_dir": str(data_dir)})
    if not sys.stdin.readline():
        return 1  # the parent has said why
    log.configure(level=settings.log.level, form=settings.log.format, process="prepare")
    _tell_notes(loaded)
    journal = data_dir / "journal.db"
    _upgrade(journal)
    rules = _apply(loaded, journal)
    _say(_Planner(loaded, data_dir, token).plan(rules).to_line())
    return 0


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _make_data_dir(loaded: Loaded) -> Path:
    data_dir = loaded.file(loaded.settings.data_dir)
    try:
        data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            return data_dir
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        place = loaded.path or "the environment"
        raise ConfigError(
            f"{place}: data_dir {data_dir} cannot be written ({reason}); "
            "make it a folder that this user may write, or set data_dir to another"
        ) from None


def _tell_notes(loaded: Loaded) -> None:
    for note in loaded.notes:
        log.get_log("config").warning(note)


def _upgrade(journal: Path) -> None:
    """Bring the journal to this code's schema; a damaged one is set aside, never deleted.

    Raises:
        StoreError: it is newer than the code, or cannot be written.
    """
    try:
        upgrade(journal)
    except DamagedError as damage:
        with alone(journal):
            aside = set_aside(journal, SystemClock().now_at())
        log.get_log("store").error(
            "the journal was damaged and is set aside; a new one is begun, and applied rules and remembered answers "
            "in the old one are gone",
            file=str(journal),
            aside=str(aside),
            reason=str(damage),
        )
        upgrade(journal)


def _apply(loaded: Loaded, journal: Path) -> dict[str, Any]:
    """Store the rule files if they are good; a start and a SIGHUP apply."""
    rules_log = log.get_log("rules")
    try:
        applied = apply_configured_rules(loaded, journal, "start", SystemClock().now_at(), asked=False)
    except StoreError as error:
        rules_log.error("the rules could not be stored, those stored before serve", reason=str(error))
        return {"problems": 0, "kept": True}
    tell_of(applied, rules_log)
    return {"problems": len(applied.problems), "kept": not applied.ok}


@dataclass(frozen=True)
class _Planner:
    loaded: Loaded
    data_dir: Path
    token: str

    def plan(self, rules: Mapping[str, Any]) -> Plan:
        """Return what the parent needs, and what children are to be told."""
        settings = self._with_absolute_paths()
        order = {"settings": msgspec.to_builtins(settings), "base": str(self.loaded.base), "token": self.token}
        return Plan(
            data_dir=self.data_dir,
            listen=tuple(settings.agi.listen),
            http_listen=tuple(settings.agi.http_listen),
            workers=settings.agi.workers,
            heartbeat_ms=settings.agi.heartbeat_ms,
            crm=_origin(settings.crm.url),
            digest=self._digest(order),
            log_level=settings.log.level,
            log_format=settings.log.format,
            order=order,
            rules=rules,
            max_rss_mb=settings.agi.max_rss_mb,
            admin_listen=settings.admin.listen,
        )

    def _with_absolute_paths(self) -> Settings:
        crm = self.loaded.settings.crm
        files = {name: str(self.loaded.file(getattr(crm, name))) for name in _OWN_FILES if getattr(crm, name)}
        crm = msgspec.structs.replace(crm, token="", **files)
        ami = msgspec.structs.replace(self.loaded.settings.ami, secret=ami_secret(self.loaded), secret_file="")
        token = webhook_token(self.loaded)
        alerts = msgspec.structs.replace(self.loaded.settings.alerts, webhook_token=token, webhook_token_file="")
        return msgspec.structs.replace(
            self.loaded.settings,
            crm=crm,
            ami=ami,
            alerts=alerts,
            admin=self._admin(),
            data_dir=str(self.data_dir),
        )

    def _admin(self) -> Admin:
        admin = self.loaded.settings.admin
        files = {name: str(self.loaded.file(getattr(admin, name))) for name in _ADMIN_FILES if getattr(admin, name)}
        secret = sync_secret(self.loaded)
        return msgspec.structs.replace(admin, sync_secret=secret, sync_secret_file="", **files)

    def _digest(self, order: Mapping[str, Any]) -> str:
        """Return what changes with the settings, the token, and the certificates that children have loaded."""
        tables = order["settings"]
        files = [tables["crm"][name] for name in _OWN_FILES] + [tables["admin"][name] for name in _ADMIN_FILES]
        stamps = []
        for file in files:
            with suppress(OSError):
                stamps.append(Path(file).stat().st_mtime_ns)
        return hashlib.sha256(json.dumps([order, stamps], sort_keys=True).encode()).hexdigest()


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL; what stands before the host or behind it may be nobody's to read."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if url else ""
