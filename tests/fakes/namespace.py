"""A network namespace of a test's own: a host beside this one, whose answers to it can be made to vanish.

with Namespace() as there:
    ... CrmProcess(prefix=there.prefix, host=there.address) ... there.drop() ... there.let_through()
"""

import os
import shutil
import subprocess
from types import TracebackType
from typing import Self

import pytest

NETWORK = "198.18.73"
"""Reserved for measurements between hosts (RFC 2544); nobody else is there."""


class Namespace:
    """A host of the test's own, one link away; only root can make one."""

    def __init__(self) -> None:
        self._name = f"fr{os.getpid()}"
        self.address = f"{NETWORK}.2"
        self._here = f"{NETWORK}.1"
        self._ip = shutil.which("ip") or "/usr/sbin/ip"

    @property
    def prefix(self) -> tuple[str, ...]:
        """What comes before a command that has to run there."""
        return (self._ip, "netns", "exec", self._name)

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or not os.access(self._ip, os.X_OK):
            pytest.skip("a network namespace of the test's own needs root and iproute2")
        link = f"{self._name}h"
        self._run("netns", "add", self._name)
        self._run("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self._name)
        self._run("addr", "add", f"{self._here}/30", "dev", link)
        self._run("link", "set", link, "up")
        self._run("-n", self._name, "addr", "add", f"{self.address}/30", "dev", "eth0")
        self._run("-n", self._name, "link", "set", "eth0", "up")
        self._run("-n", self._name, "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("netns", "del", self._name)

    def drop(self) -> None:
        """Have everything that comes back from there vanish: a SYN is never answered."""
        self._run("-n", self._name, "route", "add", "blackhole", f"{self._here}/32")

    def let_through(self) -> None:
        """End that."""
        self._run("-n", self._name, "route", "del", "blackhole", f"{self._here}/32")

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._ip, *arguments], check=True, capture_output=True)
