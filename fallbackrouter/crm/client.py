"""Asks the CRM: one question, one reply, whatever happens on the way.

Its rules:

- it sets no deadline of its own: whoever asks cancels, at any moment, and nothing is left behind;
- an answer is bounded in every direction (crm.stream, crm.body), and never followed elsewhere;
- once a question has outlasted its budget, or was cancelled, all idle connections are closed: they may be as dead;
- a used connection that ended before the answer's first byte costs one more try, on a new one.

Source: docs/crm-contract.md, "Question".
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx2

from fallbackrouter.core.call import INIT, Call
from fallbackrouter.core.numbers import Number, read_number
from fallbackrouter.core.route import Gate
from fallbackrouter.core.verdict import Invalid, Miss, Skipped, Verdict
from fallbackrouter.crm.drill import Drilling
from fallbackrouter.crm.drill_mark import marked
from fallbackrouter.crm.endpoint import Endpoint
from fallbackrouter.crm.faults import is_ours, reason_of, verdict_of
from fallbackrouter.crm.network import NO_ADDRESS, Network
from fallbackrouter.crm.pool import Pool
from fallbackrouter.crm.requests import Asked, Requests
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.crm.stream import GoneWhileIdleError
from fallbackrouter.crm.tls import make_context
from fallbackrouter.crm.wire import LiveReply, Question, encode_question, read_answer, refusal
from fallbackrouter.log import get_log

log = get_log("crm")

TEST_NUMBER = "0000000000"
"""What questions of our own ask for: digits that nobody is called by."""

_TEST_NUMBER = read_number(TEST_NUMBER, None)
_REFUSED = frozenset({401, 403})


class CrmClient:
    """The live CRM, as one worker sees it.

    Args:
        url: http(s), may hold `{stage}`.
        token: sent as `Authorization: Bearer`; "" for none.
        resolver: knows the host's addresses; the client has it watch the host.
        max_in_flight: connections at once; further questions wait for one.
        max_answer_bytes: a longer answer is Invalid.
        probe_url: what `probe` fetches, on the host of `url`; "": it asks the question with a test number.
        keepalive_s: how long a connection may be idle.
        ca_file: PEM, trusted in place of the machine's authorities; "": those.
        client_cert: PEM, for mutual TLS; "" without.
        client_key: PEM; "" where `client_cert` holds the key too.
        node: this router's name.
        spell: a number in the configured form (`crm.number_form`).
        gate: what may reach a dialplan.
        drilling: deals out the faults of a drill; None where there are no drills.

    Raises:
        ConfigError: the URL, the token or a file cannot be used.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        probe_url: str = "",
        resolver: Resolver,
        max_in_flight: int,
        max_answer_bytes: int,
        keepalive_s: float,
        ca_file: str,
        client_cert: str,
        client_key: str,
        node: str,
        spell: Callable[[Number], str],
        gate: Gate,
        drilling: Drilling | None = None,
    ) -> None:
        self._endpoint = Endpoint(url, token)
        self._probe_url = probe_url
        self._resolver = resolver
        self._max_answer_bytes = max_answer_bytes
        self._node = node
        self._spell = spell
        self._gate = gate
        self._drilling = drilling
        self._pool = Pool(
            Network(resolver),
            self._endpoint.host,
            self._endpoint.port,
            context=make_context(ca_file, client_cert, client_key) if self._endpoint.secure else None,
            max_connections=max_in_flight,
            keepalive_s=keepalive_s,
        )
        self._requests = Requests(self._endpoint)
        self._busy = 0
        self._token_refused = False
        self._dropping: set[asyncio.Task[None]] = set()
        resolver.watch(self._endpoint.host)

    @property
    def host(self) -> str:
        """The CRM's host, as crm.url names it."""
        return self._endpoint.host

    @property
    def busy(self) -> int:
        """Questions on their way."""
        return self._busy

    @property
    def open_connections(self) -> int:
        """Connections that are open, idle ones and those under way."""
        return self._pool.open_connections

    @property
    def _reachable(self) -> bool:
        return bool(self._resolver.addresses(self._endpoint.host))

    async def ask(self, call: Call, decision_id: str, budget_ms: int) -> LiveReply:
        """Ask where a call goes; may take for ever, and may be cancelled at any moment.

        Args:
            budget_ms: what the CRM is told that it has; above 0.

        Never raises but CancelledError: HTTP, DNS and JSON faults become verdicts.
        """
        fault = self._deal()
        reply = await self._ask(call, decision_id, budget_ms)
        return replace(reply, verdict=marked(reply.verdict, fault)) if fault else reply

    def _deal(self) -> str:
        return self._drilling.deal() if self._drilling else ""

    async def _ask(self, call: Call, decision_id: str, budget_ms: int) -> LiveReply:
        if not self._reachable:
            return LiveReply(Skipped(NO_ADDRESS))
        overdue = asyncio.get_running_loop().call_later(budget_ms / 1000, self._drop_idle_soon)
        self._busy += 1
        try:
            return await self._send_twice(self._build(call, decision_id, budget_ms))
        except asyncio.CancelledError:
            await self._pool.drop_idle()
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke, the call gets its answer from another tier
            return self._failed(error)
        finally:
            self._busy -= 1
            overdue.cancel()

    def _failed(self, error: Exception) -> LiveReply:
        if is_ours(error):
            log.error("asking the CRM failed in our own code", exc_info=error)
        return LiveReply(verdict_of(error))

    def _build(self, call: Call, decision_id: str, budget_ms: int) -> Asked:
        question = Question(
            call=call,
            decision_id=decision_id,
            node=self._node,
            budget_ms=budget_ms,
            callerid=self._spell(call.caller),
            phonenumber=self._spell(call.did),
        )
        return self._requests.question(self._endpoint.url_of(call.stage), encode_question(question), budget_ms)

    async def _send_twice(self, request: Asked) -> LiveReply:
        try:
            return await self._send(request)
        except GoneWhileIdleError:
            await self._pool.drop_idle()
            return await self._send(request)

    async def _send(self, request: Asked) -> LiveReply:
        status, body = await self._exchange(request)
        self._note_token(status)
        if not isinstance(body, Invalid):
            return read_answer(status, body, self._gate)
        return LiveReply(body) if status == httpx2.codes.OK else read_answer(status, b"", self._gate)

    async def _exchange(self, request: Asked) -> tuple[int, bytes | Invalid]:
        return await self._pool.exchange(request, self._max_answer_bytes)

    def _note_token(self, status: int) -> None:
        """Say loudly, once, that the token is refused: everything else about such a CRM looks well."""
        refused = status in _REFUSED
        if refused and not self._token_refused:
            log.error("the CRM refuses our token: no live answers until crm.token_file is right", status=status)
        self._token_refused = refused

    async def warm(self) -> str:
        """Open a connection, so that the next question finds one; may take for ever, like `ask`.

        Returns:
            "" where the CRM answered a HEAD of the question's URL, whatever it said, else why not.
        """
        self._deal()
        if not self._reachable:
            return NO_ADDRESS
        try:
            await self._fetch("HEAD", self._endpoint.url_of(INIT))
        except Exception as error:  # noqa: BLE001 - a connection that cannot be had now is no fault of ours
            return reason_of(error)
        return ""

    async def probe(self, decision_id: str, budget_ms: int) -> Verdict:
        """Find out whether the CRM answers, without a call; may take for ever, like `ask`.

        Args:
            decision_id: what the test question is known by.

        Returns:
            Hit or Miss where it answers, else what a call would have been told.
        """
        if not self._probe_url:
            return (await self.ask(Call(did=_TEST_NUMBER, test=True), decision_id, budget_ms)).verdict
        self._deal()
        if not self._reachable:
            return Skipped(NO_ADDRESS)
        try:
            status = await self._fetch("GET", self._probe_url)
        except Exception as error:  # noqa: BLE001 - as for a call's question
            return self._failed(error).verdict
        return Miss() if httpx2.codes.is_success(status) else refusal(status)

    async def _fetch(self, method: str, url: str) -> int:
        """Send a request of our own and return its answer's status; cut off, it closes the idle connections too."""
        try:
            try:
                return (await self._exchange(self._requests.plain(method, url)))[0]
            except GoneWhileIdleError:
                await self._pool.drop_idle()
                return (await self._exchange(self._requests.plain(method, url)))[0]
        except asyncio.CancelledError:
            await self._pool.drop_idle()
            raise

    def _drop_idle_soon(self) -> None:
        task = asyncio.ensure_future(self._pool.drop_idle())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def close(self) -> None:
        """Close all connections; questions still on their way end as Unavailable."""
        await self._pool.aclose()
