"""The folders that real Asterisks live in: made once with debootstrap, kept outside the checkout.

`python -m tests.asterisk.roots` makes what is missing and is done in no time where nothing is. Its rules:

- a root is built as NAME.part and renamed once its Asterisk answers `-V`, so a folder with a stamp is whole;
- two runs at once wait for each other; what an interrupted run left is thrown away;
- sipp, which places SIP calls, and what makes prompts (sox, espeak-ng) are installed on the machine itself;
- Debian's sid moves: without its Asterisk 22 a note says why, and 16 carries the tests alone;
- only root on Debian can make them; elsewhere the tests are skipped with a line that says so.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STAMP = ".fallbackrouter-root"
MIRROR = "DEBIAN_MIRROR"
"""Environment variable: a Debian mirror for both roots; absent: debootstrap's own choice."""
APT_OPTIONS = ("-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Retries=3", "-qq")
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


class RootError(Exception):
    """A root could not be made; the text says what failed."""


@dataclass(frozen=True)
class Release:
    """An Asterisk release and the Debian suite that carries it.

    Attributes:
        at_once: debootstrap can install asterisk itself; else apt does so afterwards.
        required: the tests cannot do without it.
    """

    name: str
    suite: str
    at_once: bool
    required: bool

    @property
    def folder(self) -> Path:
        """Where its root lies, whether it has been made or not."""
        return cache() / f"asterisk-{self.name}"

    @property
    def note(self) -> Path:
        """Where it is written why the root could not be made."""
        return cache() / f"asterisk-{self.name}.unavailable"

    @property
    def is_made(self) -> bool:
        """Tell whether a whole root is there."""
        return (self.folder / STAMP).is_file()


RELEASES = (
    Release("22", "sid", at_once=True, required=False),
    Release("16", "bullseye", at_once=False, required=True),
)


def cache() -> Path:
    """Return the folder of the roots, outside every checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fallbackrouter"


def why_not_here() -> str:
    """Return why no real Asterisk can run on this machine, "" where one can."""
    if os.geteuid() != 0:
        return "a real Asterisk in a folder needs root"
    if not Path("/etc/debian_version").exists():
        return "a real Asterisk in a folder is made with debootstrap, on Debian"
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--mount", "true"], check=False, capture_output=True).returncode:
        return "this machine allows no mount namespace of our own (unshare --mount)"
    return ""


def _say(text: str) -> None:
    sys.stdout.write(f"asterisk roots: {text}\n")
    sys.stdout.flush()


def run_quietly(*command: str | Path, log: Path) -> None:
    """Run a program of Debian's, its output in the log.

    Raises:
        RootError: it is not there or failed.
    """
    program = shutil.which(str(command[0]), path=QUIET["PATH"])
    if program is None:
        raise RootError(f"{command[0]} is not installed")
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    with log.open("ab") as out:
        done = subprocess.run(
            [program, *map(str, command[1:])],
            stdout=out,
            stderr=out,
            env=QUIET | proxies,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode:
        raise RootError(f"`{' '.join(map(str, command[:3]))} ...` failed, see {log}")


def _make(release: Release, part: Path, log: Path) -> None:
    mirror = [os.environ[MIRROR]] if os.environ.get(MIRROR) else []
    include = ["--include=asterisk"] if release.at_once else []
    run_quietly("debootstrap", "--variant=minbase", *include, release.suite, part, *mirror, log=log)
    if not release.at_once:
        policy = part / "usr/sbin/policy-rc.d"  # nobody may start a daemon in there while it is being made
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        run_quietly("chroot", part, "apt-get", *APT_OPTIONS, "update", log=log)
        run_quietly(
            "chroot", part, "apt-get", *APT_OPTIONS, "install", "-y", "--no-install-recommends", "asterisk", log=log
        )
    run_quietly("chroot", part, "apt-get", "clean", log=log)


def version(root: Path) -> str:
    """Return what the Asterisk in a root says of itself.

    Raises:
        RootError: it says nothing.
    """
    chroot = shutil.which("chroot", path=QUIET["PATH"]) or "chroot"
    said = subprocess.run([chroot, root, "asterisk", "-V"], check=False, capture_output=True, text=True)
    if said.returncode or not said.stdout.startswith("Asterisk "):
        raise RootError(f"the Asterisk in {root} does not run: {said.stderr.strip()[:200]}")
    return said.stdout.strip()


def _throw_away(folder: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    inside = [line.split()[4] for line in mounts if line.split()[4].startswith(f"{folder}/")]
    if inside:
        raise RootError(f"{inside[0]} is still mounted: `umount -l` it, then try again")
    shutil.rmtree(folder, ignore_errors=False)


@contextmanager
def _alone(release: Release) -> Iterator[None]:
    """Wait until no other run works on this root."""
    with (cache() / f"asterisk-{release.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(release: Release) -> None:
    part = release.folder.with_name(release.folder.name + ".part")
    log = release.folder.with_name(release.folder.name + ".log")
    with _alone(release):
        if release.is_made:
            return
        _say(f"making {release.folder} from Debian {release.suite} (a minute or two, log in {log})")
        for leftover in (part, release.folder):
            if leftover.exists():
                _throw_away(leftover)
        log.unlink(missing_ok=True)
        _make(release, part, log)
        (part / STAMP).write_text(version(part) + "\n", encoding="utf-8")
        part.rename(release.folder)
        release.note.unlink(missing_ok=True)


def _install(program: str, package: str) -> None:
    """Install a program of Debian's where it is missing."""
    if shutil.which(program, path=QUIET["PATH"]) is None:
        _say(f"installing {package}")
        log = cache() / "apt.log"
        run_quietly("apt-get", *APT_OPTIONS, "update", log=log)
        run_quietly("apt-get", *APT_OPTIONS, "install", "-y", "--no-install-recommends", package, log=log)


def _provide(release: Release) -> bool:
    """Make a root where it is missing; tell whether the tests can go on."""
    try:
        if not release.is_made:
            _install("debootstrap", "debootstrap")
            _build(release)
    except RootError as error:
        release.note.write_text(f"{error}\n", encoding="utf-8")
        _say(f"!!!!!! NO ASTERISK {release.name}: {error}")
        if not release.required:
            _say(f"!!!!!! Asterisk {release.name} IS NOT TESTED TODAY: the older release carries the tests alone")
        return not release.required
    _say(f"{release.name} is {(release.folder / STAMP).read_text(encoding='utf-8').strip()}")
    return True


def _provide_callers() -> bool:
    """Install what places SIP calls, and what callers hear is made by; tell whether the tests can go on."""
    try:
        for program, package in (("sipp", "sip-tester"), ("sox", "sox"), ("espeak-ng", "espeak-ng")):
            _install(program, package)
    except RootError as error:
        _say(f"!!!!!! NO SIP CALLS, OR NO PROMPTS: {error}")
        return False
    return True


def main() -> int:
    """Make the roots that are missing, and install what calls them; 1 when one that is required cannot be had."""
    reason = why_not_here()
    if reason:
        _say(f"skipped, and with them the tests that need one: {reason}")
        return 0
    cache().mkdir(parents=True, exist_ok=True)
    provided = [_provide(release) for release in RELEASES]
    return 0 if all([*provided, _provide_callers()]) else 1


if __name__ == "__main__":
    sys.exit(main())
