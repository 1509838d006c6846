import asyncio

from panoramisk.actions import Action
from panoramisk.manager import Manager

class AMIProtocol(asyncio.Protocol):
    factory: Manager | None
    responses: dict[str, Action]
