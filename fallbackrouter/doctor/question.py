"""A question to the CRM with a test number, marked `"test": true`: does it answer, rightly, and fast enough?"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fallbackrouter.clock import Clock
from fallbackrouter.config.build import build_gate, crm_token, node_name
from fallbackrouter.config.load import Loaded
from fallbackrouter.core.call import Call
from fallbackrouter.core.numbers import Number
from fallbackrouter.core.verdict import Hit, Invalid, Miss, Skipped, Verdict, reason_of
from fallbackrouter.crm.client import CrmClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.doctor.names import nowhere
from fallbackrouter.numbering import Numbering

NAME = "crm"
ANSWER_S = 10.0
"""How long the CRM has: far longer than any call would wait, to tell slow from dead."""
_TOKEN = "put the token that the CRM knows into crm.token_file, and reload the service"  # noqa: S105 - words, no token
_SLOW = "look for the cause in the CRM; until then calls go by what is known locally, or raise budget.live_ms"


def resolver_of(host: str, addresses: Sequence[str], clock: Clock) -> Resolver:
    """Return a resolver that knows these addresses and looks nothing up."""
    resolver = Resolver(clock=clock, max_stale_s=3600)
    resolver.seed(host, addresses, clock.now_at())
    return resolver


class Question:
    """Asks the CRM as a call worker does.

    Args:
        did: the test number.
    """

    def __init__(self, loaded: Loaded, did: str, clock: Clock) -> None:
        self._loaded = loaded
        self._live_ms = loaded.settings.budget.live_ms
        self._clock = clock
        self._numbering = Numbering(loaded.settings.numbers.region)
        self._did = did

    async def ask(self, host: str, addresses: Sequence[str]) -> list[Finding]:
        """Ask; a second time where the first answer was slow, as calls find a connection that is open already.

        Raises:
            ConfigError: the URL, the token or a certificate cannot be used.
        """
        if not addresses:
            return nowhere(NAME)
        client = self._client(resolver_of(host, addresses, self._clock))
        try:
            async with asyncio.timeout(ANSWER_S):
                verdict, took_ms = await self._timed(client)
                if took_ms > self._live_ms and isinstance(verdict, Hit | Miss):
                    verdict, took_ms = await self._timed(client)
        except TimeoutError:
            return [fail(NAME, f"no answer within {ANSWER_S:g} s", _SLOW)]
        finally:
            await client.close()
        return [self._judge(verdict, took_ms)]

    async def _timed(self, client: CrmClient) -> tuple[Verdict, float]:
        call = Call(self._numbering.read(self._did), call_id=f"doctor-{self._clock.new_id()}", test=True)
        started_s = self._clock.now_s()
        reply = await client.ask(call, self._clock.new_id(), max(1, int(self._live_ms)))
        return reply.verdict, 1000 * (self._clock.now_s() - started_s)

    def _judge(self, verdict: Verdict, took_ms: float) -> Finding:
        if isinstance(verdict, Skipped):
            return skip(NAME, verdict.reason)
        if isinstance(verdict, Invalid):
            remedy = "correct the CRM's answer: docs/crm-contract.md says what it has to be"
            return fail(NAME, f"the answer may not reach a dialplan: {verdict.reason}", remedy)
        if not isinstance(verdict, Hit | Miss):
            refused = "refused our token" in reason_of(verdict)
            return fail(NAME, reason_of(verdict), _TOKEN if refused else "see the CRM's own log, and crm.url")
        return self._answered(verdict, took_ms)

    def _answered(self, verdict: Hit | Miss, took_ms: float) -> Finding:
        answer = "a route" if isinstance(verdict, Hit) else verdict.reason
        what = f"answered the test question for {self._did}: {answer}, {took_ms:.0f} ms"
        if took_ms > self._live_ms:
            return warn(NAME, f"{what}, more than the {self._live_ms:g} ms that calls wait", _SLOW)
        if "404" in answer:
            remedy = "see that crm.url is right: a wrong path answers so too; --did names a number that the CRM knows"
            return warn(NAME, what, remedy)
        return ok(NAME, what)

    def _client(self, resolver: Resolver) -> CrmClient:
        settings = self._loaded.settings
        crm = settings.crm
        return CrmClient(
            url=crm.url,
            token=crm_token(self._loaded),
            resolver=resolver,
            max_in_flight=1,
            max_answer_bytes=crm.max_answer_bytes,
            keepalive_s=crm.keepalive_s,
            ca_file=file_of(self._loaded, crm.ca_file),
            client_cert=file_of(self._loaded, crm.client_cert),
            client_key=file_of(self._loaded, crm.client_key),
            node=node_name(settings),
            spell=partial(_spell, self._numbering, crm.number_form),
            gate=build_gate(settings),
        )


def file_of(loaded: Loaded, text: str) -> str:
    """Return a file of the settings as an absolute path, "" for ""."""
    return str(Path(loaded.file(text))) if text else ""


def _spell(numbering: Numbering, form: str, number: Number) -> str:
    return numbering.spell(number, form)
