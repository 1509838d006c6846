"""What callers are to hear: is there what makes it, room for it, and may Asterisk read it?"""

import grp
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fallbackrouter.config.load import Loaded
from fallbackrouter.config.prompts import prompt_folder, prompt_naming
from fallbackrouter.config.settings import Prompts
from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.prompts.convert import Converter
from fallbackrouter.prompts.files import free_bytes
from fallbackrouter.prompts.program import PromptError
from fallbackrouter.prompts.speech import Speaker

NAME = "prompts"
WORD = "1"
SPEAK_S = 8.0
ASTERISK = "asterisk"
_MB = 1_000_000
_INSTALL = "install it: apt-get install"


async def check_prompts(loaded: Loaded) -> list[Finding]:
    """Look for the programs, have a word spoken and converted, and look at the folder."""
    folder = prompt_folder(loaded.settings, loaded.base)
    if folder is None:
        return [skip(NAME, "there is no prompts.dir, so audio and text are handed on as they are")]
    prompts = loaded.settings.prompts
    found = list(_programs(prompts))
    if not found:
        found.append(await _try(loaded, prompts))
    return [*found, *_folder(folder, prompts)]


def _programs(prompts: Prompts) -> Iterator[Finding]:
    if shutil.which(prompts.converter) is None:
        remedy = f"{_INSTALL} sox libsox-fmt-mp3 (Debian), or name it in prompts.converter"
        yield fail(NAME, f"{prompts.converter} is not there, so no prompt can be made", remedy)
    speaks = bool(prompts.spoken or prompts.warm)
    if speaks and shutil.which(prompts.command[0]) is None:
        remedy = f"{_INSTALL} espeak-ng (Debian), name another in prompts.command, or set prompts.spoken = []"
        yield fail(NAME, f"{prompts.command[0]} is not there, so no text can be spoken", remedy)


async def _try(loaded: Loaded, prompts: Prompts) -> Finding:
    if not (prompts.spoken or prompts.warm):
        return ok(NAME, f"{prompts.converter} is there")
    naming = prompt_naming(loaded.settings)
    for language in sorted(naming.voices or {}):
        prompt = naming.speech(WORD, language)
        try:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                speaker = Speaker(prompts.command, min(SPEAK_S, prompts.speech_s), 10 * _MB)
                spoken = await speaker.speak(prompt, place)
                await Converter(prompts.converter, prompts.max_s).convert(spoken, place, streamed=True)
        except PromptError as error:
            remedy = "see prompts.voices and prompts.command; `espeak-ng --voices` lists what there is"
            return fail(NAME, f"the voice {prompt.voice} cannot speak: {error}", remedy)
    return ok(NAME, f"{prompts.converter} and {prompts.command[0]} work")


def _folder(folder: Path, prompts: Prompts) -> Iterator[Finding]:
    if not folder.exists():
        remedy = "it is made when the service starts; check prompts.dir if it should be there"
        yield warn(NAME, f"prompts.dir {folder} is not there", remedy)
        return
    free = free_bytes(folder)
    what = f"{free / 1e6:,.0f} MB are free where prompts.dir lies, and prompts may take {prompts.max_mb:,g}"
    if free < 2 * prompts.max_file_mb * _MB:
        yield fail(NAME, what, "make room on that disk, or name another folder")
    elif free < prompts.max_mb * _MB / 10:
        yield warn(NAME, what, "make room on that disk, or lower prompts.max_mb")
    else:
        yield ok(NAME, what)
    yield readable(folder)


def readable(folder: Path, user: str = ASTERISK) -> Finding:
    """Tell whether Asterisk's user may read the folder, by what the folders on the way allow."""
    try:
        person = pwd.getpwnam(user)
    except KeyError:
        return skip(NAME, f"there is no user {user} here, so nobody knows whether Asterisk may read prompts.dir")
    groups = {person.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}
    for place in (*reversed(folder.parents), folder):
        wanted = stat.S_IROTH | stat.S_IXOTH if place == folder else stat.S_IXOTH
        if not _allows(place, person.pw_uid, groups, wanted):
            remedy = f"let {user} in: chmod o+rx {place}, or choose a prompts.dir elsewhere"
            return fail(NAME, f"Asterisk cannot read prompts.dir: its user {user} may not enter {place}", remedy)
    return ok(NAME, f"Asterisk's user {user} may read prompts.dir")


def _allows(place: Path, uid: int, groups: set[int], wanted: int) -> bool:
    """Tell whether a folder's mode gives a user what the bits of `wanted`, those of others, say."""
    try:
        found = place.stat()
    except OSError:
        return False
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return uid == 0 or (found.st_mode >> shift) & wanted == wanted
