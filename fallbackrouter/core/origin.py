"""Where a URL leads: its host and its origin, as far as it is a URL."""

from urllib.parse import urlsplit

_PORTS = {"https": 443, "http": 80}


def host_of(url: str) -> str:
    """Return a URL's host in small letters, "" where it is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, "" where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return ""
    return f"{parts.scheme}://{host_of(url)}:{port}" if parts.hostname else ""
