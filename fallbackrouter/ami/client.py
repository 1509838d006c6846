"""The manager interface for the rest of the house: a connection that is kept, and answers in time.

Its rules:

- every deadline stands outside the library; whatever the peer does, an action ends within its time;
- a peer that answers no ping is left, and a connection that is lost is made again, later each time;
- nothing is sent twice: who asked while the connection was lost is told so;
- the secret is in no log line and in no error.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fallbackrouter.ami.session import Fields, OnEvent, Order, Session
from fallbackrouter.clock import Clock
from fallbackrouter.core.errors import AmiError, NotSentError

FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 30.0
HEALTHY_S = 30.0
"""A connection that was of use for so long starts with the first pause again."""
AWAY = "there is no connection to Asterisk's manager interface yet"


@dataclass(frozen=True, slots=True)
class Reply:
    """Asterisk's answer to an action.

    Attributes:
        ok: it was done; False: refused.
        message: Asterisk's words, "" where it has none.
        fields: the answer's headers.
        listed: the events of a list, without the one that ends it.
    """

    ok: bool
    message: str
    fields: Fields
    listed: tuple[Fields, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that lives; ids and name as Asterisk has them."""

    uniqueid: str
    linkedid: str
    name: str


class AmiClient:
    """A login to one Asterisk's manager interface.

    Args:
        address: IPv4 or IPv6, never a name.
        on_event: given every event, while there is one who wants them; without, Asterisk sends none.
        on_state: told of each change: "" when logged in, else in a sentence why there is no connection.
        patience_s: how long connecting, the login and each ping may take.
        ping_every_s: how often the peer is asked for a sign of life.
    """

    def __init__(
        self,
        *,
        address: str,
        port: int,
        user: str,
        secret: str,
        clock: Clock,
        on_event: OnEvent | None = None,
        on_state: Callable[[str], None] | None = None,
        patience_s: float = 5.0,
        ping_every_s: float = 10.0,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._address, self._port = address, port
        self._user, self._secret = user, secret
        self._clock = clock
        self._on_event = on_event
        self._on_state = on_state
        self._patience_s = patience_s
        self._ping_every_s = ping_every_s
        self._first_pause_s = first_pause_s
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._fault = AWAY
        self._news = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether we are logged in."""
        return self._session is not None

    @property
    def fault(self) -> str:
        """Why we are not, in a sentence; "" while we are."""
        return self._fault

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._keep(), name="ami")

    async def ready(self, within_s: float) -> bool:
        """Wait until we are logged in or the first attempt failed; tell whether we are."""
        waiting = asyncio.ensure_future(self._news.wait())
        await asyncio.wait({waiting}, timeout=within_s)
        waiting.cancel()
        return self.connected

    async def close(self) -> None:
        """End the connection; whoever waits for an answer is told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def action(self, fields: Order, within_s: float) -> Reply:
        """Send an action.

        Args:
            fields: `Action` and its headers, one value each.

        Raises:
            NotSentError: no connection; nothing was sent.
            AmiError: no answer in time, or the connection was lost; whether the action was done is not known then.
            ValueError: a field holds a line break.
        """
        return _reply(await self._logged_in().ask(fields, within_s, listed=False))

    async def listing(self, fields: Fields, within_s: float) -> Reply:
        """Send an action whose answer is a list of events.

        Raises:
            AmiError: as `action`.
        """
        return _reply(await self._logged_in().ask(fields, within_s, listed=True))

    async def channels(self, within_s: float = 10.0) -> list[Channel]:
        """Return the channels that live now.

        Raises:
            AmiError: as `action`, or Asterisk refuses to tell.
        """
        reply = await self.listing({"Action": "CoreShowChannels"}, within_s)
        if not reply.ok:
            raise AmiError(
                f"Asterisk refuses CoreShowChannels ({reply.message}); "
                "give the user `write = reporting` in manager.conf and run `asterisk -rx 'manager reload'`"
            )
        return [
            Channel(one.get("Uniqueid", ""), one.get("Linkedid", ""), one.get("Channel", "")) for one in reply.listed
        ]

    async def allowed(self, within_s: float = 10.0) -> frozenset[str]:
        """Return the names of the actions that our user may send.

        Raises:
            AmiError: as `action`.
        """
        return frozenset((await self.action({"Action": "ListCommands"}, within_s)).fields)

    async def reload_dialplan(self, within_s: float = 60.0) -> None:
        """Have Asterisk read its dialplan files again; calls go on meanwhile.

        Raises:
            AmiError: as `action`, or Asterisk refuses or fails.
        """
        reply = await self.action({"Action": "Reload", "Module": "pbx_config.so"}, within_s)
        if not reply.ok:
            raise AmiError(
                f"Asterisk did not reload its dialplan ({reply.message}); where it says Permission denied, "
                "give the user `write = system` in manager.conf, else look into Asterisk's log"
            )

    def _logged_in(self) -> Session:
        if self._session is None:
            raise NotSentError(self._fault)
        return self._session

    async def _keep(self) -> None:
        pause_s = self._first_pause_s
        while True:
            began_s = self._clock.now_s()
            session = Session(self._on_event)
            try:
                fault = await self._attend(session)
            finally:
                self._session = None
                session.close()
            self._tell(fault)
            if self._clock.now_s() - began_s >= HEALTHY_S:
                pause_s = self._first_pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MOST_PAUSE_S)

    async def _attend(self, session: Session) -> str:
        """Use a connection until it is lost, and return why it was."""
        try:
            await self._open(session)
            await self._log_in(session)
            self._session = session
            self._tell("")
            while not session.lost.done():
                await asyncio.wait({session.lost}, timeout=self._ping_every_s)
                if not session.lost.done():
                    await session.ask({"Action": "Ping"}, self._patience_s, listed=False)
            return session.lost.result()
        except AmiError as error:
            return str(error)

    async def _open(self, session: Session) -> None:
        where = f"Asterisk's manager interface at {self._address} port {self._port}"
        opening = asyncio.ensure_future(session.open(self._address, self._port))
        try:
            await asyncio.wait({opening}, timeout=self._patience_s)
            if not opening.done():
                raise AmiError(f"{where} takes no connection within {self._patience_s:g} s")
            opening.result()
        except OSError as error:
            reason = (error.strerror or "unreachable").lower()
            raise AmiError(
                f"{where} cannot be reached ({reason}); see `enabled`, `bindaddr` and `port` in manager.conf"
            ) from None
        finally:
            opening.cancel()

    async def _log_in(self, session: Session) -> None:
        events = "on" if self._on_event else "off"
        login = {"Action": "Login", "Username": self._user, "Secret": self._secret, "Events": events}
        reply = _reply(await session.ask(login, self._patience_s, listed=False))
        if not reply.ok:
            raise AmiError(
                f"Asterisk's manager interface refuses the user {self._user} ({reply.message}); "
                "make ami.user, ami.secret_file and the user in manager.conf agree"
            )

    def _tell(self, fault: str) -> None:
        changed, self._fault = fault != self._fault or not self._news.is_set(), fault
        self._news.set()
        if changed and self._on_state is not None:
            self._on_state(fault)


def _reply(answer: list[Fields]) -> Reply:
    first, *rest = answer
    response = first.get("Response", "")
    return Reply(response in {"Success", "Goodbye"}, first.get("Message", ""), first, tuple(rest[:-1]))
