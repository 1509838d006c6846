"""An answer by HTTP/1.1, as it comes in; httptools, on the parser of Node.js, reads it in C.

Its rules:

- interim answers (1xx) are passed over, but 101: nobody asked for another protocol, so that is the answer;
- a body without a length ends with the connection, one with a length never does;
- a peer that says more than was asked for is not asked again over the same connection.

Source: RFC 9112, sections 6.3 and 9.3.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING

import httpcore2
import httptools

from fallbackrouter.crm.body import Gathered, not_plain

if TYPE_CHECKING:
    from fallbackrouter.core.verdict import Invalid

_ENCODING = b"content-encoding"
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
_CONNECTION = b"connection"


class Answer:
    """One answer; what begins with `on_` is called by httptools.

    Args:
        bodiless: it has no body whatever its head says, as one to HEAD.
        max_bytes: the most that a body may have.

    Attributes:
        status: 0 until its head is complete.
        refused: why its body may not be read, None where it may.
        whole: all of it is there.
        reusable: the connection may carry another question; it is whole then.
    """

    def __init__(self, max_bytes: int, *, bodiless: bool) -> None:
        self.status = 0
        self.refused: Invalid | None = None
        self.whole = False
        self.reusable = False
        self._bodiless = bodiless
        self._gathered = Gathered(max_bytes)
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)  # as RFC 9112, 2.2, lets a reader be
        self._new_head()

    def _new_head(self) -> None:
        self._encoding = b""
        self._has_length = False
        self._closing = False

    @property
    def body(self) -> bytes:
        """What has come in of its body."""
        return self._gathered.whole

    def feed(self, data: bytes) -> None:
        """Take what came in, b"" at the end of the connection.

        Raises:
            httpcore2.RemoteProtocolError: it is not HTTP, or ended too early.
        """
        if not data:
            self._ended()
            return
        parser = self._parser
        if parser is None:
            raise RuntimeError("the answer has been let go")
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.reusable = False
            if not self.whole:
                raise httpcore2.RemoteProtocolError("the answer is not HTTP") from error

    def _ended(self) -> None:
        if self.status and not self._has_length:
            self.whole = True
            return
        # In httpcore2's words, as crm.faults knows them.
        raise httpcore2.RemoteProtocolError(
            "peer closed connection" if self.status else "Server disconnected without sending a response."
        )

    def let_go(self) -> None:
        """Part from the parser, which holds on to this one: nothing is left to the garbage collector."""
        self._parser = None

    def on_message_begin(self) -> None:
        """Note an answer that nobody asked for."""
        if self.whole:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note what matters of a head; a trailer does not."""
        if self.status:
            return
        name = name.lower()
        if name == _ENCODING:
            self._encoding = value
        elif name == _CONNECTION:
            self._closing = self._closing or b"close" in value.lower()
        elif name in _LENGTHS:
            self._has_length = True

    def on_headers_complete(self) -> None:
        """Note the status; of an interim answer nothing is kept."""
        if self.whole or self._parser is None:
            return
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK and status != HTTPStatus.SWITCHING_PROTOCOLS:
            self._new_head()
            return
        self.status = status
        self.refused = not_plain(self._encoding.decode("latin-1"))
        if self._bodiless:
            self.whole = True
            self.reusable = not self._closing and self._parser.get_http_version() == "1.1"

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        if self.whole:
            self.reusable = False
        elif self.refused is None:
            self.refused = self._gathered.add(piece)

    def on_message_complete(self) -> None:
        """Note the answer's end."""
        if self.status and not self.whole and self._parser is not None:
            self.whole = True
            self.reusable = self.status >= HTTPStatus.OK and self._parser.should_keep_alive()
