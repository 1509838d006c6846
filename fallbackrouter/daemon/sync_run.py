"""Joins the rooms of a sync: settings in, one run of fallbackrouter.jobs.sync_once out."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from fallbackrouter.clock import Clock, load_zone
from fallbackrouter.config.build import build_gate, default_zone
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.errors import ConfigError, StoreError
from fallbackrouter.crm.feed_client import FeedClient
from fallbackrouter.crm.resolver import Resolver
from fallbackrouter.jobs.feed_file import FileFeed
from fallbackrouter.jobs.feed_map import shape_of
from fallbackrouter.jobs.feed_rows import RowReader
from fallbackrouter.jobs.intake import Limits, OnProgress
from fallbackrouter.jobs.sync_once import Ask, Outcome, Sync
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.addresses import load_addresses

NICER = 19
SETTLE_S = 5.0
"""How long a sync waits for the CRM's first address."""


def make_way() -> None:
    """Let every call go before this process: a sync takes seconds, a call has milliseconds."""
    with suppress(OSError):
        os.nice(NICER)


def row_reader(settings: Settings) -> RowReader:
    """Return what checks a feed's rows."""
    return RowReader(
        gate=build_gate(settings),
        read_number=Numbering(settings.numbers.region).read,
        plain=not settings.numbers.region,
        load_zone=load_zone,
        default_zone=default_zone(settings),
    )


def limits(settings: Settings, *, force: bool) -> Limits:
    """Return what a feed may do."""
    return Limits(max_shrink=settings.sync.max_shrink, max_rejects=settings.sync.max_rejects, force=force)


async def sync_from_crm(
    settings: Settings,
    *,
    base: Path,
    token: str,
    clock: Clock,
    full: bool = False,
    force: bool = False,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Outcome:
    """Sync once from `crm.routes_url`.

    Raises:
        FallbackrouterError: nothing was changed; the text says why.
    """
    crm = settings.crm
    if not crm.routes_url:
        raise ConfigError("crm.routes_url is not set; set it, or take routes from a file with --from FILE")
    data_dir = base / settings.data_dir
    resolver = Resolver(clock=clock, max_stale_s=crm.dns_max_stale_s, nameservers=crm.nameservers)
    client = FeedClient(
        url=crm.routes_url,
        token=token,
        resolver=resolver,
        clock=clock,
        ca_file=_file(base, crm.ca_file),
        client_cert=_file(base, crm.client_cert),
        client_key=_file(base, crm.client_key),
    )
    ask = Ask(
        limits=limits(settings, force=force),
        origin=_origin(settings),
        full=full,
        dry_run=dry_run,
        max_patterns=settings.sync.max_patterns,
        shape=shape_of(settings.sync.map),
    )
    try:
        await _find(resolver, client.host, data_dir / "journal.db")
        feed = Sync(
            data_dir / "routes.db", feed=client, reader=row_reader(settings), clock=clock, on_progress=on_progress
        )
        return await feed.run(ask)
    finally:
        await client.close()
        await resolver.close()


async def sync_from_file(
    settings: Settings,
    *,
    base: Path,
    source: Path,
    clock: Clock,
    force: bool = False,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Outcome:
    """Sync from a file that holds all routes, by the same way as from the CRM.

    Raises:
        FallbackrouterError: nothing was changed; the text says why.
    """
    ask = Ask(
        limits=limits(settings, force=force),
        origin=f"file {source}",
        source=str(source),
        full=True,
        dry_run=dry_run,
        max_patterns=settings.sync.max_patterns,
        shape=shape_of(settings.sync.map),
    )
    routes = base / settings.data_dir / "routes.db"
    feed = FileFeed(source)
    return await Sync(routes, feed=feed, reader=row_reader(settings), clock=clock, on_progress=on_progress).run(ask)


async def _find(resolver: Resolver, host: str, journal: Path) -> None:
    """Begin to look the host up; addresses that were saved serve while its name server does not."""
    with suppress(StoreError):
        saved = [one for one in load_addresses(journal) if one.host == host]
        if saved:
            resolver.seed(host, [one.address for one in saved], max(one.at for one in saved))
    await resolver.start()
    await resolver.settle(SETTLE_S)


def _origin(settings: Settings) -> str:
    """Return what names the feed and how it is read: where either is another, a delta would not fit."""
    read_by = (settings.crm.routes_url, settings.answers, settings.numbers, settings.rules.timezone, settings.sync.map)
    return hashlib.sha256(repr(read_by).encode()).hexdigest()[:32]


def _file(base: Path, name: str) -> str:
    return str(base / name) if name else ""
