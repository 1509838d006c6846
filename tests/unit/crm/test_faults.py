"""Foreign exceptions in plain words."""

import errno
import ssl

import httpcore2
import pytest

from fallbackrouter.core.verdict import Invalid, Skipped, Unavailable, Verdict
from fallbackrouter.crm.faults import is_ours, verdict_of
from fallbackrouter.crm.stream import GoneWhileIdleError, TooLongError


def certificate_error(text: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, text)
    error.verify_message = text
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (TooLongError(), Invalid("the answer is longer than allowed")),
        (GoneWhileIdleError(), Unavailable("closed without an answer")),
        (httpcore2.ConnectError("no address yet"), Skipped("no address yet")),
        (httpcore2.ConnectError(ConnectionRefusedError(errno.ECONNREFUSED, "x")), Unavailable("connection refused")),
        (httpcore2.ReadError(ConnectionResetError(errno.ECONNRESET, "x")), Unavailable("connection reset")),
        (httpcore2.ConnectError(OSError(errno.EHOSTUNREACH, "x")), Unavailable("no route to the host")),
        (httpcore2.ConnectError(OSError(errno.EMFILE, "x")), Unavailable("out of file descriptors")),
        (httpcore2.ConnectError(OSError(errno.EACCES, "x")), Unavailable("permission denied")),
        (httpcore2.ConnectError(OSError("x")), Unavailable("the connection failed")),
        (httpcore2.ConnectError("something else"), Unavailable("the connection failed")),
        (httpcore2.ReadError(ValueError("x")), Unavailable("the connection failed")),
        (httpcore2.ReadError(), Unavailable("the connection failed")),
        (httpcore2.ConnectTimeout(), Unavailable("timed out")),
        (
            httpcore2.ConnectError(certificate_error("certificate has expired")),
            Unavailable("TLS: certificate has expired"),
        ),
        (
            httpcore2.ConnectError(certificate_error("a\nb\x1b[31m" + "c" * 300)),
            Unavailable(f"TLS: a b [31m{'c' * 112}"),
        ),
        (httpcore2.ConnectError(tls_error("WRONG_VERSION_NUMBER")), Unavailable("TLS: wrong version number")),
        (httpcore2.ConnectError(ssl.SSLError(1, "x")), Unavailable("TLS: handshake failed")),
        (httpcore2.ConnectError(ssl.SSLEOFError(8, "x")), Unavailable("TLS: closed during the handshake")),
        (
            httpcore2.RemoteProtocolError("Server disconnected without sending a response."),
            Unavailable("closed without an answer"),
        ),
        (
            httpcore2.RemoteProtocolError("peer closed connection without sending complete message body"),
            Unavailable("closed in the middle of its answer"),
        ),
        (
            httpcore2.RemoteProtocolError("illegal status line: bytearray(b'secret')"),
            Unavailable("the answer is not HTTP"),
        ),
        (
            httpcore2.LocalProtocolError("Illegal header value b'Bearer secret'"),
            Unavailable("the question cannot be sent as HTTP: check crm.url and the token"),
        ),
        (KeyError("79507533333"), Unavailable("failed in our own code (KeyError)")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_fault_has_plain_words(error: Exception, verdict: Verdict) -> None:
    assert verdict_of(error) == verdict


def test_only_our_own_mistakes_belong_in_the_log() -> None:
    assert is_ours(KeyError("x"))
    assert not is_ours(httpcore2.ReadError())
    assert not is_ours(httpcore2.LocalProtocolError("Illegal header value b'Bearer secret'"))
