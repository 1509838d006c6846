"""Plain panoramisk with a dictionary: a FastAGI server as the library's documentation shows one, on the router's loop.

    python benchmarks/dictionary.py DIDS

DIDS is a file with a number a line. It looks the number up, sets the same variables as the router, and records nothing.
It prints its port, and serves until it is killed.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop
from panoramisk.fast_agi import Application, Request

NAMES = "app,num,time,auto,audio1,text,digium,select,FR_SOURCE,FR_RULE,FR_DECISION,FR_STATUS,FR_DEST"
VALUES = "{app},{num},{time},,,,,,synced,client-{nth},01a20705-b361-7000-971d-c8cbdffefa63,ok,"


async def main(dids: Sequence[str]) -> None:
    """Serve these numbers."""
    routes = {did: {"app": "group", "num": str(100 + nth % 900), "time": "60"} for nth, did in enumerate(dids)}
    places = {did: nth for nth, did in enumerate(dids)}

    async def answer(request: Request) -> None:
        did = request.headers["agi_arg_1"]
        values = VALUES.format(**routes[did], nth=places[did])
        await request.send_command(f'SET VARIABLE ARRAY({NAMES}) "{values}"')

    application = Application(loop=asyncio.get_running_loop())
    application.add_route("ask", answer)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]).read_text().split()))
