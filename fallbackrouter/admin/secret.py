"""Secrets that we hand out: made here, shown once, known afterwards by their digest alone.

They are 256 random bits, so a plain SHA-256 is enough to hide them; passwords are not, and have argon2 (`passwords`).
"""

import hashlib
import re
import secrets

TOKEN_PREFIX = "frt_"  # noqa: S105 - the beginning of a token, so that scanners and people know one when they see it
_BYTES = 32
_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")
"""So many bytes, in base64 for URLs, without what fills it up."""


def new_token() -> str:
    """Return a new API token."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_BYTES)


def new_session() -> str:
    """Return a new session's secret."""
    return secrets.token_urlsafe(_BYTES)


def is_session(secret: str) -> bool:
    """Tell whether it is shaped as a session's secret is."""
    return _SESSION.fullmatch(secret) is not None


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def csrf_of(session: str) -> str:
    """Return what a form or script of ours brings along to show that it is ours; it follows from the session."""
    return hashlib.sha256(b"csrf:" + session.encode("utf-8", "replace")).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Compare without telling by the time it takes how much is right."""
    return bool(wanted) and secrets.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
