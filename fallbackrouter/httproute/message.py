"""HTTP as values: bytes in, a request or a refusal out; nothing here touches a socket.

- One request at a time: what the peer sends ahead is kept, within bounds, until the answer has left.
- Every bound is kept before a byte more is believed: header bytes and lines, body bytes, and all bytes of a request
  together, as chunks may carry anything beside their data.
- A refusal ends the connection: its body may still be on the way, and is nobody's next request.

Source: RFC 9110 and 9112, as h11 reads them.
"""

from dataclasses import dataclass
from http import HTTPStatus

import h11

from fallbackrouter.httproute.head import FAR_TOO_BIG, Head, Refusal, read_head

MAX_HEADER_BYTES = 8_192
MAX_HEADERS = 64
MAX_BODY_BYTES = 16_384
MAX_REQUEST_BYTES = 65_536
"""The most bytes of one request on the wire, and of what is sent ahead of the next."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that is whole; `head` was found good."""

    head: Head
    body: bytes


Heard = HttpRequest | Refusal | None
"""None: more is needed, or nothing more will come (`Talk.over`)."""


class Talk:
    """One connection's words, theirs and ours.

    Attributes:
        over: nothing more is to be said on this connection.
        interim: what to send at once, b"" for nothing: that the body is welcome (100).
    """

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
        self._head: Head | None = None
        self._body = b""
        self._taken = 0
        self._answering = False
        self._bodiless = False
        self.over = False
        self.interim = b""

    def feed(self, data: bytes) -> Heard:
        """Take bytes, b"" for the end of the peer's words.

        Returns:
            The request that is whole by now, or why there will be none; None while an answer is owed.
        """
        if self.over:
            return None
        room = MAX_REQUEST_BYTES - self._taken
        self._taken += len(data)
        if room > 0 or not data:
            self._http.receive_data(data[:room])
        owed = self._answering
        heard = None if owed else self._read()
        if len(data) > room:
            self.over = True
            return heard if owed or heard else self._refused(FAR_TOO_BIG)
        return heard

    def next(self) -> Heard:
        """Begin the next request, once the answer has left; it may be here already."""
        self._answering = False
        self._head, self._body = None, b""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            self.over = True
        if self.over:
            return None
        self._http.start_next_cycle()
        self._taken = len(self._http.trailing_data[0])
        return self._read()

    def _read(self) -> Heard:
        try:
            return self._look()
        except h11.RemoteProtocolError as error:
            if self._http.trailing_data[1]:
                self.over = True  # half a request and the end: nobody waits for an answer
                return None
            return self._refused(Refusal(error.error_status_hint, _sentence(error)))

    def _look(self) -> Heard:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                refusal = self._begin(event)
                if refusal is not None:
                    return self._refused(refusal)
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
                if len(self._body) > MAX_BODY_BYTES:
                    return self._refused(FAR_TOO_BIG)
            elif isinstance(event, h11.EndOfMessage):
                self._answering = True
                assert self._head is not None  # noqa: S101 - a message ends after it began
                return HttpRequest(self._head, self._body)
            elif isinstance(event, h11.ConnectionClosed):
                self.over = True
                return None
            else:
                self._welcome()
                return None

    def _begin(self, request: h11.Request) -> Refusal | None:
        self._bodiless = request.method == b"HEAD"
        size = sum(len(name) + len(value) for name, value in request.headers) + len(request.target)
        if size > MAX_HEADER_BYTES or len(request.headers) > MAX_HEADERS:
            return Refusal(431, "the request's header is too large; send the fields in the body")
        head = read_head(request.method, request.target, list(request.headers), MAX_BODY_BYTES)
        if isinstance(head, Refusal):
            return head
        self._head = head
        return None

    def _welcome(self) -> None:
        """Say that the body may come, where the peer waits to hear so."""
        if self._http.they_are_waiting_for_100_continue:
            self.interim += self._say(h11.InformationalResponse(status_code=100, headers=[], reason="Continue"))

    def _refused(self, refusal: Refusal) -> Refusal:
        self._answering = True
        self.over = True
        text = refusal.text or (self._head is not None and self._head.text)
        return Refusal(refusal.status, refusal.sentence, text=text)

    def take_interim(self) -> bytes:
        """Return what is to be sent at once, and forget it."""
        interim, self.interim = self.interim, b""
        return interim

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
        """Spell the one answer to the request, or to what was none; b"" where none can be said any more."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return b""
        given = [*headers, ("Content-Length", str(len(body)))]
        self.over = self.over or status >= HTTPStatus.BAD_REQUEST
        if self.over:
            given.append(("Connection", "close"))
        said = self._say(h11.Response(status_code=status, headers=given, reason=HTTPStatus(status).phrase))
        if not self._bodiless:
            said += self._say(h11.Data(data=body))
        return said + self._say(h11.EndOfMessage())

    def _say(self, event: h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage) -> bytes:
        return self._http.send(event) or b""


def _sentence(error: h11.RemoteProtocolError) -> str:
    if error.error_status_hint == 431:  # noqa: PLR2004 - h11's word for it
        return "the request's header is too large; send the fields in the body"
    return "what arrived is not HTTP as RFC 9112 has it; send a form with POST"
