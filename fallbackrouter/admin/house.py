"""Everything that answers to requests are made of, joined once at the start."""

from dataclasses import dataclass, field

from fallbackrouter.admin.accounts import Accounts
from fallbackrouter.admin.snapshot import Snapshot
from fallbackrouter.admin.streams import Streams
from fallbackrouter.admin.threads import Threads
from fallbackrouter.clock import Clock
from fallbackrouter.office.calls import CallDesk
from fallbackrouter.office.office import Office


@dataclass(frozen=True, slots=True)
class House:
    """What handlers work with.

    Attributes:
        office: what people have the router do; blocking, so in threads.
        snapshot: the running service's status, and its commands.
        quick: threads for short looks into databases.
        slow: the one thread for what takes seconds: checks, backtests.
        secure: HTTPS is spoken.
        sync_secret: what the CRM signs `POST sync` with; "": nobody may.
        calls: where calls are asked for; None: none are made.
        calling: the one thread of `calls`, whose queue is for one at a time.
        streams: answers that go on as long as somebody listens.
    """

    office: Office
    accounts: Accounts
    snapshot: Snapshot
    quick: Threads
    slow: Threads
    clock: Clock
    secure: bool
    sync_secret: str
    calls: CallDesk | None
    calling: Threads
    streams: Streams = field(default_factory=Streams)

    def close(self) -> None:
        """Begin nothing more in any thread."""
        self.accounts.close()
        self.snapshot.close()
        self.quick.close()
        self.slow.close()
        self.calling.close()
        if self.calls is not None:
            self.calls.queue.close()
