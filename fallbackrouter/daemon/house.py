"""What a call worker's process needs of the rooms in it; `call_house` joins them, tests bring their own."""

import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from fallbackrouter.clock import Clock
from fallbackrouter.config.settings import Settings
from fallbackrouter.control.lines import Message
from fallbackrouter.crm.drill import Drill


class House(Protocol):
    """Everything that answers calls, in one process."""

    @property
    def rules(self) -> int:
        """How many rules serve."""
        ...

    @property
    def routes(self) -> int:
        """How many rows of the CRM's feed serve."""
        ...

    async def start(self, agi: Sequence[socket.socket], http: Sequence[socket.socket]) -> None:
        """Take calls on listening sockets, by FastAGI and by HTTP."""
        ...

    async def rules_changed(self) -> int:
        """Take the latest stored rules and return how many they are."""
        ...

    async def routes_changed(self) -> int:
        """Take the latest routes.db and return how many rows it has."""
        ...

    async def prompts_changed(self) -> int:
        """Take what lies in the folder of prompts now, and return how many they are."""
        ...

    def share_prompts(self, tell: Callable[[Message], None]) -> None:
        """Have what calls wanted and used of prompts told to the background process."""
        ...

    def share_breaker(self, tell: Callable[[Message], None]) -> None:
        """Have the changes of the live CRM's breaker told to the other workers."""
        ...

    def adopt_breaker(self, message: Message) -> None:
        """Take over what another worker's breaker has come to."""
        ...

    def drill(self, drill: Drill | None) -> None:
        """Begin a drill, or end the one that is on."""
        ...

    def counters(self) -> Mapping[str, int | float | None]:
        """Return what was counted since the start, and how things stand; None is not known."""
        ...

    def tally(self) -> Mapping[str, Any]:
        """Return what only ever grows: numbers, lists of numbers, and tables of them; see core.tally."""
        ...

    async def close(self, within_s: float) -> None:
        """Take no more calls, finish those in hand within so long, write the journal."""
        ...


class BuildHouse(Protocol):
    """Makes a house from settings."""

    def __call__(
        self, settings: Settings, *, base: Path, token: str, clock: Clock, log: Any
    ) -> Coroutine[Any, Any, House]:
        """Load rules and routes, and be ready to start."""
        ...


Facts = Callable[[], dict[str, Any]]
