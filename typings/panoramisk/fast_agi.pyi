import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

class Request:
    app: Application
    headers: Mapping[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    encoding: str
    def __init__(
        self,
        app: Application,
        headers: Mapping[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        encoding: str = ...,
    ) -> None: ...
    async def send_command(self, command: str) -> dict[str, Any]: ...
    async def _read_result(self) -> dict[str, Any]: ...

class Application(dict[str, Any]):
    default_encoding: str
    loop: asyncio.AbstractEventLoop
    def __init__(self, default_encoding: str = ..., loop: asyncio.AbstractEventLoop | None = ...) -> None: ...
    def add_route(self, path: str, endpoint: Callable[[Request], Coroutine[Any, Any, None]]) -> None: ...
    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...
