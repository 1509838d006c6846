"""Why the CRM could not be asked, in plain words: foreign exceptions are translated here and nowhere else.

Its rules: short, bounded, printable; never what the peer wrote, as a protocol error's text may repeat it, nor a
header of ours.
"""

import errno
import os
import ssl

import httpcore2

from fallbackrouter.core.route import printable
from fallbackrouter.core.verdict import Invalid, Skipped, Unavailable, Verdict
from fallbackrouter.crm.network import NO_ADDRESS
from fallbackrouter.crm.stream import GoneWhileIdleError, TooLongError

_SYSTEM = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.ETIMEDOUT: "connection timed out",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "the network is unreachable",
    errno.EMFILE: "out of file descriptors",
    errno.ENFILE: "out of file descriptors",
}
_CLOSED = "closed without an answer"
_FAILED = "the connection failed"
_THEIRS = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException)


def is_ours(error: Exception) -> bool:
    """Tell whether the fault is a mistake of our own, which belongs in the log."""
    return not isinstance(error, _THEIRS)


def verdict_of(error: Exception) -> Verdict:
    """Return the verdict that a failed question ends in."""
    if isinstance(error, TooLongError):
        return Invalid("the answer is longer than allowed")
    reason = reason_of(error)
    return Skipped(reason) if reason == NO_ADDRESS else Unavailable(reason)


def reason_of(error: Exception) -> str:
    """Return a few plain words."""
    if isinstance(error, GoneWhileIdleError):
        return _CLOSED
    if isinstance(error, httpcore2.TimeoutException):
        return "timed out"
    if isinstance(error, httpcore2.ProtocolError):
        return _protocol(error)
    if isinstance(error, httpcore2.NetworkError):
        return _network(error.args[0] if error.args else "")
    return f"failed in our own code ({type(error).__name__})"


def _network(cause: object) -> str:
    """Put into words what crm.network and crm.stream gave as the cause."""
    if cause == NO_ADDRESS:
        return NO_ADDRESS
    if isinstance(cause, ssl.SSLError):
        return f"TLS: {_tls(cause)}"
    if isinstance(cause, OSError):
        return _system(cause)
    return _FAILED


def _protocol(error: Exception) -> str:
    text = str(error)
    if text.startswith("Server disconnected"):
        return _CLOSED
    if text.startswith("peer closed connection"):
        return "closed in the middle of its answer"
    if isinstance(error, httpcore2.LocalProtocolError):
        return "the question cannot be sent as HTTP: check crm.url and the token"
    return "the answer is not HTTP"


def _tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return printable(getattr(error, "verify_message", "the certificate is not trusted").rstrip("."), 120)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "closed during the handshake"
    reason = getattr(error, "reason", None) or "handshake failed"  # Python sets it on OpenSSL's own errors alone
    return printable(reason.lower().replace("_", " "), 120)


def _system(error: OSError) -> str:
    number = error.errno or 0
    return _SYSTEM.get(number) or (os.strerror(number).lower() if number else _FAILED)
