"""A job that works on the journal in turns, for ever: it rests between them, and no trouble ends it."""

import asyncio
from collections.abc import Awaitable, Callable

from fallbackrouter.core.errors import StoreError

TROUBLE_S = 1.0
"""The rest after a turn that failed."""


class Turns:
    """Takes turn after turn.

    Args:
        turn: does what there is to do, and returns for how many seconds to rest unless something stirs. StoreError: the
            journal could not be used, and nothing is lost by it; anything else is a mistake of our own.
        on_trouble: is told why the journal cannot be used, once each time that it begins; "" when it is over.
        on_error: is told of a mistake of our own, which must not end all turns to come.
    """

    def __init__(
        self,
        turn: Callable[[], Awaitable[float]],
        *,
        on_trouble: Callable[[str], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._turn = turn
        self._on_trouble = on_trouble
        self._on_error = on_error
        self._stirred = asyncio.Event()
        self._trouble = ""

    def stir(self) -> None:
        """Have the next turn begin at once."""
        self._stirred.set()

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            self._stirred.clear()
            try:
                rest_s = await self._turn()
                self._tell("")
            except StoreError as error:
                self._tell(str(error))
                rest_s = TROUBLE_S
            except Exception as error:  # noqa: BLE001 - see on_error
                self._on_error(error)
                rest_s = TROUBLE_S
            await self._rest(rest_s)

    async def _rest(self, rest_s: float) -> None:
        try:
            async with asyncio.timeout(rest_s):
                await self._stirred.wait()
        except TimeoutError:
            pass

    def _tell(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            self._on_trouble(trouble)
        self._trouble = trouble
