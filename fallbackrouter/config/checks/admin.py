"""`[admin]`: who may come to the web interface, and that no password travels readable by accident."""

import ssl
from ipaddress import ip_address
from pathlib import Path

from fallbackrouter.config.checks.agi import allow_faults, split_address
from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Admin, Settings
from fallbackrouter.config.token import TokenError, clean_token, read_token
from fallbackrouter.core.route import printable

MIN_SECRET_CHARS = 16


def admin_faults(settings: Settings, base: Path) -> Faults:
    """Yield what is wrong with the web interface's keys; its address is checked beside the others.

    Args:
        base: what paths are relative to.
    """
    admin = settings.admin
    yield from allow_faults("admin.allow", admin.allow)
    yield from _certificate_faults(admin, base)
    yield from _plain_faults(admin)
    yield from _secret_faults(admin, base)


def _plain_faults(admin: Admin) -> Faults:
    address = split_address(admin.listen) if admin.listen else None
    if address is None or admin.cert or admin.insecure or ip_address(address[0]).is_loopback:
        return
    remedy = "set admin.cert and admin.key, or 127.0.0.1 behind a proxy that speaks HTTPS, or admin.insecure = true"
    yield Fault("admin.listen", f"is {admin.listen}, where passwords would travel as plain HTTP", remedy)


def _certificate_faults(admin: Admin, base: Path) -> Faults:
    if bool(admin.cert) != bool(admin.key):
        missing = "key" if admin.cert else "cert"
        yield Fault(f"admin.{missing}", "is missing, as certificate and key go together", "write it, or drop the other")
    elif admin.cert:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(base / admin.cert, base / admin.key, password=_no_password)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "not a path"
            what = f'is "{printable(admin.cert, 200)}", which cannot be used with its key ({printable(str(reason))})'
            yield Fault(
                "admin.cert", what, "name PEM files of a certificate and of its key, the key without a password"
            )


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal."""
    raise ValueError("the key has a password")


def _secret_faults(admin: Admin, base: Path) -> Faults:
    if admin.sync_secret and admin.sync_secret_file:
        yield Fault("admin.sync_secret", "and admin.sync_secret_file are both set", "keep one of them")
    for name in ("sync_secret", "sync_secret_file"):
        text = getattr(admin, name)
        try:
            secret = "" if not text else read_token(base / text) if name.endswith("file") else clean_token(text)
        except TokenError as error:
            yield Fault(f"admin.{name}", str(error), error.remedy)
            continue
        if text and len(secret) < MIN_SECRET_CHARS:
            yield Fault(
                f"admin.{name}", "is too short to keep anybody out", f"use {MIN_SECRET_CHARS} characters or more"
            )
