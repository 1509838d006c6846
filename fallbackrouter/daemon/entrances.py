"""The addresses that calls come in by: FastAGI's and HTTP's, each socket bound once and inherited by every worker."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fallbackrouter.core.errors import ConfigError
from fallbackrouter.daemon.listeners import Listeners, address_of, close_all, open_listeners

AGI_KEY = "agi.listen"
HTTP_KEY = "agi.http_listen"


@dataclass(frozen=True, slots=True)
class Entrances:
    """Sockets that listen, by address.

    Attributes:
        agi: those of `agi.listen`.
        http: those of `agi.http_listen`.
        spare: those that systemd handed over and that no key has claimed yet.
    """

    agi: Listeners = field(default_factory=dict)
    http: Listeners = field(default_factory=dict)
    spare: Listeners = field(default_factory=dict)

    @property
    def agi_addresses(self) -> list[str]:
        """Where FastAGI is spoken."""
        return [address_of(one) for one in self.agi.values()]

    @property
    def http_addresses(self) -> list[str]:
        """Where HTTP is spoken."""
        return [address_of(one) for one in self.http.values()]

    @property
    def sockets(self) -> list[socket.socket]:
        """All of them."""
        return [*self.agi.values(), *self.http.values(), *self.spare.values()]

    async def opened(self, agi: Sequence[str], http: Sequence[str]) -> "Entrances":
        """Return the entrances for other addresses, with the sockets of those that stay; nothing is closed here.

        Raises:
            ConfigError: an address cannot be listened on; what was opened for this call is closed again.
        """
        by_agi = await open_listeners(agi, {**self.spare, **self.agi}, AGI_KEY)
        try:
            by_http = await open_listeners(http, _without(self.spare, by_agi) | self.http, HTTP_KEY)
        except ConfigError:
            Entrances(by_agi).close_but(self)
            raise
        return Entrances(by_agi, by_http)

    def left_by(self, others: "Entrances") -> Iterator[str]:
        """Close the sockets that the others have no use for, and yield their addresses."""
        for address, listener in (*self.agi.items(), *self.http.items(), *self.spare.items()):
            if listener not in others.sockets:
                yield address
                listener.close()

    def close_but(self, kept: "Entrances") -> None:
        """Close those that are not among the kept ones."""
        close_all(one for one in self.sockets if one not in kept.sockets)

    def close(self) -> None:
        """Close all."""
        close_all(self.sockets)


def _without(listeners: Mapping[str, socket.socket], taken: Listeners) -> Listeners:
    return {address: one for address, one in listeners.items() if one not in taken.values()}
