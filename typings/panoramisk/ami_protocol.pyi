import asyncio

from panoramisk.actions import Action
from panoramisk.manager import Manager

class AMIProtocol(asyncio.Protocol):
    factory: Manager | None
    encoding: str
    responses: dict[str, Action]
