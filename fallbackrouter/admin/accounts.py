"""Logins, sessions and API tokens: who is it that asks?

Its rules:

- what a request brings is looked up by digest in a thread, and remembered for `CACHE_S`: a token that is revoked, or a
  password that is changed, by a command counts here within that time; what this process changes counts at once;
- passwords are verified two at a time, so that a storm of logins takes no more than that of memory and processor.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fallbackrouter.admin.passwords import MAX_CHARS, is_right
from fallbackrouter.admin.patience import MOST_OF_ACCOUNT_S, MOST_OF_ADDRESS_S, Patience, network_of
from fallbackrouter.admin.secret import csrf_of, digest_of, new_session
from fallbackrouter.admin.threads import Threads
from fallbackrouter.admin.visitor import ROLES, Visitor
from fallbackrouter.clock import Clock
from fallbackrouter.store.audit import forget_entries
from fallbackrouter.store.sessions import begin_session, end_old_sessions, end_session, session_of, token_of
from fallbackrouter.store.users import list_users, password_of

LookUp = Callable[[str], Visitor | None]

CACHE_S = 1.0
MAX_CACHED = 1_000
WHOLE_S = 7 * 86_400.0
"""How long a login may last in all, however much it is used."""
MAX_SECRET_CHARS = 200


class LoginError(Exception):
    """The login is refused.

    Attributes:
        wait_s: for how long it would be refused whatever is given; 0 where it may be tried again at once.
    """

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__("user or password is wrong")


@dataclass(frozen=True, slots=True)
class _Known:
    visitor: Visitor | None
    until_s: float


class Accounts:
    """Knows who may do what.

    Attributes:
        file: admin.db.

    Args:
        session_s: how long a login may be unused.
        threads: where admin.db is read.
    """

    def __init__(self, file: Path, *, session_s: float, threads: Threads, clock: Clock) -> None:
        self.file = file
        self._session_s = session_s
        self._threads = threads
        self._hashing = Threads("password", 2, 30)
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._by_account = Patience(MOST_OF_ACCOUNT_S)
        self._by_address = Patience(MOST_OF_ADDRESS_S)

    async def login(self, name: str, password: str, address: str) -> str:
        """Check a password and begin a session; return its secret.

        Raises:
            LoginError: wrong, or too many wrong ones before.
            CrowdedError: too many log in at once.
            StoreError: admin.db cannot be used.
        """
        now_s, network = self._clock.now_s(), network_of(address)
        account = name.casefold()[:64]
        wait_s = max(self._by_account.wait_s(account, now_s), self._by_address.wait_s(network, now_s))
        if wait_s > 0:
            raise LoginError(wait_s)
        # Counted before it is known, so that many at once are no way around the waiting.
        self._by_account.failed(account, now_s)
        self._by_address.failed(network, now_s)
        kept = await self._threads.run(password_of, self.file, name)
        right = len(password) <= MAX_CHARS and await self._hashing.run(is_right, kept, password)
        if not right:
            raise LoginError(0.0)
        self._by_account.succeeded(account)
        self._by_address.succeeded(network)
        secret = new_session()
        await self._threads.run(begin_session, self.file, digest_of(secret), name, address, self._clock.now_at())
        return secret

    async def logout(self, secret: str) -> None:
        """End a session."""
        digest = digest_of(secret)
        self._known.pop(digest, None)
        await self._threads.run(end_session, self.file, digest)
        self._known.pop(digest, None)

    async def of_session(self, secret: str) -> Visitor | None:
        """Return whose session this is, None where it is nobody's."""
        return await self._of(secret, self._look_up_session)

    async def of_token(self, secret: str) -> Visitor | None:
        """Return whose token this is, None where it is nobody's."""
        return await self._of(secret, self._look_up_token)

    async def _of(self, secret: str, look_up: LookUp) -> Visitor | None:
        if not secret or len(secret) > MAX_SECRET_CHARS:
            return None
        digest, now_s = digest_of(secret), self._clock.now_s()
        known = self._known.get(digest)
        if known is not None and now_s < known.until_s:
            return known.visitor
        visitor = await self._threads.run(look_up, secret)
        self._known[digest] = _Known(visitor, now_s + CACHE_S)
        self._known.move_to_end(digest)
        while len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        return visitor

    def _look_up_session(self, secret: str) -> Visitor | None:
        at = self._clock.now_at()
        found = session_of(self.file, digest_of(secret), at, self._session_s, WHOLE_S)
        return Visitor(found[0], ROLES.get(found[1], frozenset()), csrf_of(secret)) if found else None

    def _look_up_token(self, secret: str) -> Visitor | None:
        found = token_of(self.file, digest_of(secret), self._clock.now_at())
        return Visitor(f"token {found[1]}", frozenset(found[2])) if found else None

    async def has_users(self) -> bool:
        """Tell whether anybody can log in at all."""
        return bool(await self._threads.run(list_users, self.file))

    async def tidy(self) -> None:
        """Forget logins that do not hold any more."""
        await self._threads.run(end_old_sessions, self.file, self._clock.now_at(), self._session_s, WHOLE_S)
        await self._threads.run(forget_entries, self.file)

    def close(self) -> None:
        """Verify nothing more."""
        self._hashing.close()
