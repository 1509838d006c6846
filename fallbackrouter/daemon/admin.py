"""The admin process: the web interface, in an interpreter of its own, so that it takes no time from a call."""

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from fallbackrouter.admin.accounts import Accounts
from fallbackrouter.admin.app import build_app
from fallbackrouter.admin.house import House
from fallbackrouter.admin.server import Server, make_server, serve
from fallbackrouter.admin.snapshot import Json, Snapshot
from fallbackrouter.admin.threads import Threads
from fallbackrouter.clock import Clock, SystemClock
from fallbackrouter.config.calls import call_desk
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.office import office_of
from fallbackrouter.config.selected import SelectedError
from fallbackrouter.config.settings import Admin
from fallbackrouter.control.client import command
from fallbackrouter.core.errors import ConfigError, FallbackrouterError
from fallbackrouter.daemon.channel import Channel
from fallbackrouter.daemon.child_process import Order, process_facts, run_child
from fallbackrouter.daemon.listeners import address_of
from fallbackrouter.entrance.allow import AllowList
from fallbackrouter.log import get_log
from fallbackrouter.office.calls import CallDesk
from fallbackrouter.store.admin_file import FILE_NAME, prepare

NICER = 10
"""Every call goes before a page."""
TIDY_S = 3600.0


def main(arguments: Sequence[str]) -> int:
    """Serve the web interface until the parent lets go."""
    with suppress(OSError):
        os.nice(NICER)
    return run_child(arguments, _work)


async def _work(channel: Channel, order: Order) -> None:
    channel.beat(process_facts, order.beat_s)
    house = await asyncio.to_thread(_join, order)
    server = _server(order.settings.admin, house, channel.leave_s)
    listeners = [socket.socket(fileno=descriptor) for descriptor in order.listen]
    where = [address_of(one) for one in listeners]
    await _tell_of_users(house, order.settings.admin, where)
    channel.serve({})
    channel.say({**process_facts(), "say": "ready"})
    tidying = asyncio.create_task(_tidy(house), name="tidy")
    await serve(server, listeners, channel.leaving, house.streams.close)
    tidying.cancel()
    house.close()


def _join(order: Order) -> House:
    settings = order.settings
    office = office_of(Loaded(settings, None, order.base))
    file = Path(office.data_dir, FILE_NAME)
    prepare(file)
    clock = SystemClock()
    quick = Threads("quick", 8, 200)

    def ask(message: Json, within_s: float) -> Json:
        return command(office.data_dir, message, within_s)

    return House(
        office=office,
        accounts=Accounts(file, session_s=settings.admin.session_s, threads=quick, clock=clock),
        snapshot=Snapshot(ask, threads=Threads("control", 8, 50), clock=clock),
        quick=quick,
        slow=Threads("slow", 1, 3),
        clock=clock,
        secure=bool(settings.admin.cert),
        sync_secret=settings.admin.sync_secret,
        calls=_call_desk(Loaded(settings, None, order.base), clock),
        calling=Threads("calls", 1, 200),
    )


def _call_desk(loaded: Loaded, clock: Clock) -> CallDesk | None:
    try:
        return call_desk(loaded, clock)
    except SelectedError as error:
        reason = f"{error}; {error.remedy}"
        get_log("admin").error("no calls are taken, as a list of numbers cannot be read", reason=reason)
        return None


def _server(admin: Admin, house: House, leave_s: float) -> Server:
    make = partial(make_server, build_app(house), admits=AllowList(admin.allow).admits, leave_s=leave_s)
    try:
        return make(cert=admin.cert, key=admin.key)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        raise ConfigError(f"admin.cert and admin.key cannot be used ({reason}); correct them, then reload") from None


async def _tell_of_users(house: House, admin: Admin, where: list[str]) -> None:
    log = get_log("admin")
    scheme = "https" if admin.cert else "http"
    log.info("the web interface listens", at=", ".join(f"{scheme}://{address}" for address in where))
    with suppress(FallbackrouterError):
        if not await house.accounts.has_users():
            log.warning("nobody can log in yet; run `fallbackrouter admin user add NAME` on this machine")


async def _tidy(house: House) -> None:
    while True:
        with suppress(FallbackrouterError):
            await house.accounts.tidy()
        await asyncio.sleep(TIDY_S)
