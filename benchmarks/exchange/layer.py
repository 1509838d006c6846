"""A root for the benchmark: that of the tests with what scripts of others need, php and curl.

Its rules: the tests' root is not changed, so nobody has to make it again; files are shared with it by hard links, but
those that apt writes in place are copies; made once as NAME.part, and again when the tests' root is another one.
"""

import fcntl
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.asterisk import roots
from tests.asterisk.roots import APT_OPTIONS, RELEASES, STAMP, Release, RootError, run_quietly

PACKAGES = ("bash", "curl", "php-cli")
COPIED = ("etc", "var")
"""Folders in which files are written in place."""


def scripted() -> Release:
    """Return the newest Asterisk that is made, with php and curl beside it.

    Raises:
        SystemExit: it cannot be had; a sentence says why.
    """
    if reason := roots.why_not_here():
        raise SystemExit(f"The benchmark inside a real Asterisk cannot run: {reason}.")
    base = next((release for release in RELEASES if release.is_made), None)
    if base is None:
        raise SystemExit(
            "The benchmark needs a real Asterisk in a folder, and none is made: run `make asterisk-roots`."
        )
    layer = replace(base, name=f"{base.name}-scripts")
    with layer.folder.with_name(f"{layer.folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_of(layer, base):
            _make(layer, base)
    return layer


def version(layer: Release) -> str:
    """Return what its Asterisk says of itself."""
    return (layer.folder / STAMP).read_text(encoding="utf-8").splitlines()[0]


def _stamp(base: Release) -> str:
    made = base.folder / STAMP
    return f"{made.read_text(encoding='utf-8').strip()}\n{made.stat().st_mtime_ns} {' '.join(PACKAGES)}\n"


def _is_of(layer: Release, base: Release) -> bool:
    return layer.is_made and (layer.folder / STAMP).read_text(encoding="utf-8") == _stamp(base)


def _make(layer: Release, base: Release) -> None:
    part, log = (layer.folder.with_name(f"{layer.folder.name}{end}") for end in (".part", ".log"))
    print(f"making {layer.folder}: {base.folder} with php and curl (some minutes, once)", file=sys.stderr, flush=True)
    for former in (part, layer.folder):
        if former.exists():
            shutil.rmtree(former)
    log.unlink(missing_ok=True)
    try:
        _copy(base.folder, part)
        _install(part, log)
    except (OSError, RootError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"php and curl could not be put beside Asterisk {base.name}: {error}. Without them there is "
            f"nothing to compare with; try again once Debian's packages can be reached."
        ) from error
    (part / STAMP).unlink()
    (part / STAMP).write_text(_stamp(base), encoding="utf-8")
    part.rename(layer.folder)


def _copy(base: Path, part: Path) -> None:
    copy = shutil.which("cp") or "cp"
    subprocess.run([copy, "-al", base, part], check=True)
    for name in COPIED:
        shutil.rmtree(part / name)
        subprocess.run([copy, "-a", base / name, part / name], check=True)


def _install(part: Path, log: Path) -> None:
    policy = part / "usr/sbin/policy-rc.d"  # nobody may start a daemon in there
    policy.unlink(missing_ok=True)
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    apt = ("chroot", part, "apt-get", *APT_OPTIONS)
    run_quietly(*apt, "update", log=log)
    run_quietly(*apt, "install", "-y", "--no-install-recommends", *PACKAGES, log=log)
    run_quietly("chroot", part, "apt-get", "clean", log=log)
    for program in ("bash", "curl", "php"):
        run_quietly("chroot", part, program, "--version", log=log)
    roots.version(part)
