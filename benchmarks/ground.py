"""What the benchmarks stand on: a folder with a synced table of routes, and routers that are started from it."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.feed import did_of, for_all, sync, write_feed
from benchmarks.run import served

LAST_RESORT = """
[last_resort]
app = "group"
num = "100"
"""
CONFIG = """
data_dir = "{data}"
[agi]
listen = ["127.0.0.1:0"]
http_listen = []
workers = {workers}
heartbeat_ms = 60000  # no worker is replaced because the machine stood still
[log]
level = "error"
[sync]
max_shrink = 1.0
[admin]
listen = "{admin}"
"""
DIDS = 5_000


@dataclass(frozen=True)
class Ground:
    """Where benchmarks run.

    Args:
        folder: a folder of theirs.
        routes: rows of the synced table that `synced` makes; 1,000,000 in a full run.
        full: whether the run is the long one.
        draw: whether it draws docs/img anew.
    """

    folder: Path
    routes: int
    full: bool
    draw: bool = False

    def dids(self, count: int = DIDS) -> list[str]:
        """Return numbers that have a synced route for any caller at any hour, all over the table; the same always."""
        dice = random.Random(5)
        always = (nth for nth in iter(lambda: dice.randrange(self.routes), None) if for_all(nth))
        return [did_of(nth) for nth in islice(always, count)]

    def synced(self) -> Path:
        """Return a routes.db with all routes, made when it is first asked for."""
        made = self.folder / f"routes-{self.routes}.db"
        if not made.exists():
            house = self.folder / f"feeding-{self.routes}"
            house.mkdir()
            (house / "fallbackrouter.toml").write_text(CONFIG.format(data="var", workers=1, admin="") + LAST_RESORT)
            feed = house / "feed.ndjson"
            write_feed(feed, self.routes)
            sync(house, feed)
            feed.unlink()
            (house / "var" / "routes.db").rename(made)
        return made

    @contextmanager
    def router(
        self,
        name: str,
        *,
        more: str = "",
        workers: int = 1,
        rules: str = "",
        admin: str = "",
        synced: bool = True,
        fill: Callable[[Path], object] | None = None,
    ) -> Iterator[int]:
        """Run a router in a folder of its own, with all routes unless `synced` is False; yields its FastAGI port.

        Args:
            name: the folder's name.
            more: further sections of the configuration.
            workers: `agi.workers`.
            rules: the text of its rule file.
            admin: where its console listens; "": nowhere.
            synced: whether it has the synced routes.
            fill: puts more into the folder of its data, before it starts.
        """
        house = self.folder / name
        (house / "rules").mkdir(parents=True)
        (house / "var").mkdir()
        (house / "rules" / "rules.yaml").write_text(rules or "[]\n")
        if synced:
            (house / "var" / "routes.db").hardlink_to(self.synced())
        if fill is not None:
            fill(house / "var")
        config = house / "fallbackrouter.toml"
        config.write_text(CONFIG.format(data="var", workers=workers, admin=admin) + LAST_RESORT + more)
        with served([sys.executable, "-m", "fallbackrouter", "serve", "--config", str(config)], house) as port:
            yield port


@contextmanager
def programs(commands: Sequence[Sequence[str]], folder: Path) -> Iterator[list[int]]:
    """Run servers that print their port in a line; yields the ports. All are ended by pid."""
    with ExitStack() as stack:
        yield [stack.enter_context(served(list(command), folder)) for command in commands]
