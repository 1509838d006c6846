import asyncio
from collections.abc import Mapping, Sequence

from panoramisk.message import Message
from panoramisk.utils import CaseInsensitiveDict

class Action(CaseInsensitiveDict):
    id: str
    responses: list[Message]
    future: asyncio.Future[Message | list[Message]]
    def __init__(self, data: Mapping[str, str | Sequence[str]]) -> None: ...
    def add_message(self, message: Message) -> bool: ...
