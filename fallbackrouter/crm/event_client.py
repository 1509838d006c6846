"""Tells the CRM of events: one request, one receipt, whatever happens on the way.

Its rules are those of crm.client: no deadline of its own, whoever sends cancels at any moment and nothing is left
behind; an answer is bounded in every direction and never followed elsewhere; after a cancelled request all idle
connections are closed; a used connection that ended before the answer's first byte costs one more try, on a new one.
The status alone decides: an answer whose body cannot be read to its end counts all the same.

Source: docs/crm-contract.md, "Event".
"""

import asyncio

import httpx2

from fallbackrouter.clock import Clock
from fallbackrouter.core.receipt import MAX_WORDS, Receipt, unanswered
from fallbackrouter.core.route import printable
from fallbackrouter.core.verdict import Invalid
from fallbackrouter.crm.body import read_body
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.crm.faults import is_ours, reason_of
from fallbackrouter.crm.network import NO_ADDRESS, Network
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.crm.retry_after import retry_after_s
from fallbackrouter.crm.stream import GoneWhileIdleError
from fallbackrouter.crm.tls import make_context
from fallbackrouter.crm.transport import Transport, rehearse
from fallbackrouter.log import get_log

log = get_log("crm")

MAX_BODY_BYTES = 16_384
"""The most that is read of an answer to an event; only a refusal's words are kept of it."""
BODY_S = 2.0
"""How long an answer's body may take once its status is known."""


class EventClient:
    """The CRM, as the delivery of events sees it.

    Args:
        url: as of questions; may hold `{stage}`.
        token: sent as `Authorization: Bearer`; "" for none.
        resolver: knows the host's addresses; the client has it watch the host.
        max_in_flight: connections at once.
        keepalive_s: how long a connection may be idle.
        ca_file, client_cert, client_key: as of questions.
        key: the setting that the URL came from, for people.

    Raises:
        ConfigError: the URL, the token or a file cannot be used.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        resolver: Resolver,
        max_in_flight: int,
        keepalive_s: float,
        ca_file: str,
        client_cert: str,
        client_key: str,
        clock: Clock,
        key: str = "crm.url",
    ) -> None:
        self._endpoint = Endpoint(url, token, key)
        self._resolver = resolver
        self._clock = clock
        self._transport = Transport(
            Network(resolver),
            context=make_context(ca_file, client_cert, client_key) if self._endpoint.secure else None,
            max_connections=max_in_flight,
            keepalive_s=keepalive_s,
        )
        self._http = httpx2.AsyncClient(
            transport=self._transport,
            headers={**self._endpoint.headers, "Content-Type": "application/json"},
            timeout=None,
            follow_redirects=False,
            trust_env=False,
        )
        resolver.watch(self._endpoint.host)

    @property
    def open_connections(self) -> int:
        """Connections that are open."""
        return self._transport.open_connections

    async def start(self) -> None:
        """Load what the first request would else load; asks nobody."""
        await rehearse()

    async def send(self, event_id: str, stage: str, body: bytes) -> Receipt:
        """Tell of one event; may take for ever, and may be cancelled at any moment.

        Never raises but CancelledError: every fault becomes a receipt without a status.
        """
        if not self._resolver.addresses(self._endpoint.host):
            return unanswered(NO_ADDRESS)
        request = self._http.build_request(
            "POST", self._endpoint.url_of(stage), content=body, headers={"Idempotency-Key": event_id}
        )
        try:
            return await self._send_twice(request)
        except asyncio.CancelledError:
            await self._transport.drop_idle()
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke, the event has to be tried again
            return _failed(error)

    async def _send_twice(self, request: httpx2.Request) -> Receipt:
        try:
            return await self._exchange(request)
        except GoneWhileIdleError:
            await self._transport.drop_idle()
            return await self._exchange(request)

    async def _exchange(self, request: httpx2.Request) -> Receipt:
        response = await self._http.send(request, stream=True)
        try:
            words = await _words(response)
        finally:
            await response.aclose()
        return Receipt(response.status_code, words, retry_after_s(response.headers, self._clock.now_at()))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _failed(error: Exception) -> Receipt:
    if is_ours(error):
        log.error("telling the CRM of an event failed in our own code", exc_info=error)
    return unanswered(reason_of(error))


async def _words(response: httpx2.Response) -> str:
    """Return what the answer says, as far as it can be read; a 2xx's body is read for the connection's sake alone."""
    try:
        async with asyncio.timeout(BODY_S):
            body = await read_body(response, MAX_BODY_BYTES)
    except TimeoutError:
        return ""
    except Exception as error:  # noqa: BLE001 - the status is known, and says what becomes of the event
        return reason_of(error)
    if isinstance(body, Invalid):
        return body.reason
    return " ".join(printable(body.decode("utf-8", "replace"), MAX_WORDS).split())
