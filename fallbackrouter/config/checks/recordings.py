"""`[recordings]`: a folder, and a template that can be filled in."""

import re

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.settings import Settings
from fallbackrouter.core.nearest import write_instead
from fallbackrouter.core.route import printable
from fallbackrouter.jobs.recordings import PLACEHOLDERS

MAX_URL_CHARS = 2_000
_URL = re.compile(r"[!-~]+")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def recordings_faults(settings: Settings) -> Faults:
    """Yield what is wrong with the keys on recordings."""
    recordings = settings.recordings
    if printable(recordings.dir, len(recordings.dir)) != recordings.dir:
        yield Fault("recordings.dir", "names no folder", "write its path, relative to this file or from /")
    if recordings.url and not recordings.dir:
        yield Fault("recordings.dir", "is empty while recordings.url is set", "name the folder that recordings lie in")
    if recordings.url:
        yield from _url_faults(recordings.url)


def _url_faults(url: str) -> Faults:
    key = "recordings.url"
    if len(url) > MAX_URL_CHARS or not _URL.fullmatch(url):
        yield Fault(key, "holds blanks or letters that no URL has, or is too long", "write them as %20 and the like")
        return
    names = _PLACEHOLDER.findall(url)
    for name in names:
        if name not in PLACEHOLDERS:
            what = f"holds {{{printable(name, 40)}}}, which nothing is put in for"
            yield Fault(key, what, write_instead(name, PLACEHOLDERS))
            return
    if {"{", "}"} & set(_PLACEHOLDER.sub("", url)):
        yield Fault(key, "holds a lonely { or }", "write %7B or %7D for the sign itself")
    elif not {"path", "name"} & set(names):
        yield Fault(key, "holds neither {path} nor {name}, so all links were the same", "put one of them in")
