"""The CRM's token: read from its file, and fit for a header line."""

import re
from pathlib import Path

from fallbackrouter.core.route import printable

MAX_TOKEN_CHARS = 4_096

_TOKEN = re.compile(r"[!-~]{1,4096}")


class TokenError(Exception):
    """A token that cannot be used; the text never holds any of it.

    Attributes:
        remedy: what would be right, in plain words.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


def clean_token(text: str) -> str:
    """Return a token without blanks around it.

    Raises:
        TokenError: it is empty, too long, or holds what no header line can.
    """
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise TokenError("holds no token", f"put 1 to {MAX_TOKEN_CHARS:,} printable characters without blanks there")
    return token


def read_token(path: Path) -> str:
    """Return the token that a file holds.

    Raises:
        TokenError: the file cannot be read or holds no token.
    """
    try:
        if not path.is_file():
            raise TokenError(f'names "{printable(str(path), 200)}", which is no file', "correct it")
        with path.open("rb") as file:
            body = file.read(MAX_TOKEN_CHARS + 64)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or "not a path").lower()
        raise TokenError(
            f'names "{printable(str(path), 200)}", which cannot be read ({reason})', "correct it"
        ) from None
    return clean_token(body.decode("ascii", "replace"))
