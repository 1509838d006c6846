"""The floor: a FastAGI server on the same loop as the router's that decides nothing and records nothing.

Prints its port, and serves until it is killed. It sets the same variables in one ARRAY, as the router does. With
`panoramisk` as its argument it is plain panoramisk, the library as its documentation shows it.
"""

import asyncio
import sys

import uvloop
from panoramisk.fast_agi import Application, Request

ANSWER = (
    b"SET VARIABLE ARRAY(app,num,time,auto,audio1,text,digium,select,FR_SOURCE,FR_RULE,FR_DECISION,FR_STATUS,FR_DEST) "
    b'"group,62,100,,,,,,fallback,head office,01a20705-b361-7000-971d-c8cbdffefa63,ok,"\n'
)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one call."""
    try:
        await reader.readuntil(b"\n\n")
        writer.write(ANSWER)
        await reader.readline()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def answer_request(request: Request) -> None:
    """Answer one call by panoramisk."""
    await request.send_command(ANSWER.decode().strip())


async def main() -> None:
    """Serve."""
    handler = answer
    if sys.argv[1:] == ["panoramisk"]:
        application = Application(loop=asyncio.get_running_loop())
        application.add_route("ask", answer_request)
        handler = application.handler
    server = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
