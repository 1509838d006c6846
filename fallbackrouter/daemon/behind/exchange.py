"""The one connection to Asterisk's manager interface that all duties share, where a user is configured."""

from collections.abc import Callable, Mapping

from fallbackrouter.ami.session import Fields
from fallbackrouter.config.calls import calls_wanted
from fallbackrouter.control.lines import Message
from fallbackrouter.daemon.ami_login import ami_client
from fallbackrouter.daemon.behind.duty import Answer, Inside
from fallbackrouter.log import get_log


class AsteriskLink:
    """Keeps the connection, and tells of it.

    Attributes:
        ami: the connection; others ask by it, and neither start nor close it.
    """

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._log = get_log("ami")
        self._hearers: list[Callable[[Fields], None]] = []
        self._state = ""
        settings = inside.settings
        # Without one who hears them Asterisk sends no events, and on a busy exchange they are many.
        hear = self._hear if calls_wanted(settings) else None
        self.ami = ami_client(settings.ami, settings.ami.secret, inside.clock, on_event=hear, on_state=self._on_state)

    @classmethod
    def where_wanted(cls, inside: Inside) -> "AsteriskLink | None":
        """Return the link, None where no user is configured."""
        return cls(inside) if inside.settings.ami.user else None

    def on_event(self, hear: Callable[[Fields], None]) -> None:
        """Have events told to one more."""
        self._hearers.append(hear)

    def _hear(self, event: Fields) -> None:
        for hear in self._hearers:
            hear(event)

    async def start(self) -> None:
        """Begin to connect."""
        await self.ami.start()

    async def close(self) -> None:
        """End the connection."""
        await self.ami.close()

    def commands(self) -> Mapping[str, Answer]:
        """Answer nothing."""
        return {}

    def facts(self) -> Message:
        """Tell whether Asterisk is reached."""
        return {"asterisk": {"connected": self.ami.connected, "reason": self.ami.fault}}

    def _on_state(self, fault: str) -> None:
        if fault:
            self._log.warning("no connection to Asterisk's manager interface", reason=fault)
        else:
            self._log.info("logged in at Asterisk's manager interface")
        state = "away" if fault else "connected"
        if state != self._state:
            self._inside.journal.record_incident("asterisk", state, fault, self._inside.clock.now_at())
        self._state = state
