"""What a test's Asterisk is configured with: as little as it takes, all of it in one folder of its own."""

from pathlib import Path

USER = "test"
SECRET = "test"  # noqa: S105 - on the loopback, for the length of a test run
ROUTER = "router"
"""The router's own user, with no right that it does not need to know which calls live."""
CALLER = "caller"
"""The router's user where calls are made: docs/calls.md has it so."""
INSIDE = "/mnt"
"""Where the folder stands inside the root."""

MODULES = (
    "pbx_config",
    "res_agi",
    "res_speech",
    "res_curl",
    "res_timing_timerfd",
    "app_dial",
    "app_milliwatt",
    "app_mixmonitor",
    "app_originate",
    "app_playback",
    "app_stack",
    "app_userevent",
    "app_verbose",
    "bridge_simple",
    "cdr_custom",
    "func_base64",
    "func_callerid",
    "func_cdr",
    "func_channel",
    "func_curl",
    "func_cut",
    "func_db",
    "func_dialplan",
    "func_global",
    "func_logic",
    "func_rand",
    "func_strings",
    "func_timeout",
    "func_uri",
    "format_wav",
    "codec_ulaw",
)
NEWER = ("res_cdrel_custom",)
"""What newer releases load besides, before the others: a part of cdr_custom became a module of its own."""

_ASTERISK = f"""\
[directories](!)
astetcdir => {INSIDE}
astmoddir => MODULES_FOLDER
astdbdir => {INSIDE}/lib
astspooldir => {INSIDE}/spool
astrundir => {INSIDE}/run
astlogdir => {INSIDE}/log

[options]
verbose = 3
dumpcore = no
"""
_LOGGER = """\
[general]
dateformat=%F %T.%3q

[logfiles]
full => notice,warning,error,verbose(3)
"""
_MANAGER = f"""\
[general]
enabled = yes
bindaddr = 127.0.0.1
port = PORT
displayconnects = no

[{USER}]
secret = {SECRET}
read = system,user
write = all

[{ROUTER}]
secret = {SECRET}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
write = reporting

[{CALLER}]
secret = {SECRET}
read = call
write = originate,reporting
eventfilter = Event: OriginateResponse
eventfilter = Event: Hangup
"""

_CDR = """\
[general]
enable = yes
unanswered = yes
"""
_CDR_CUSTOM = """\
[mappings]
calls.csv => ${CDR(uniqueid)},${CDR(linkedid)},${CDR(dcontext)},${CDR(disposition)}
"""


def modules_folder(root: Path) -> str:
    """Return where the root's Asterisk keeps its modules, seen from inside."""
    for folder in ("usr/lib/x86_64-linux-gnu/asterisk/modules", "usr/lib/asterisk/modules"):
        if (root / folder / "pbx_config.so").exists():
            return f"/{folder}"
    found = next(root.glob("usr/lib/*/asterisk/modules/pbx_config.so"))
    return f"/{found.parent.relative_to(root)}"


def write_settings(folder: Path, root: Path, manager_port: int) -> None:
    """Write every file that Asterisk reads at start."""
    for inner in ("lib", "spool", "run", "log", "log/cdr-custom"):
        (folder / inner).mkdir(parents=True)
    asterisk = _ASTERISK.replace("(!)", "").replace("MODULES_FOLDER", modules_folder(root))
    inside = root / modules_folder(root).lstrip("/")
    loaded = (*(name for name in NEWER if (inside / f"{name}.so").exists()), *MODULES)
    modules = "\n".join(["[modules]", "autoload=no", *(f"load => {name}.so" for name in loaded), ""])
    files = {
        "asterisk.conf": asterisk,
        "cdr.conf": _CDR,
        "cdr_custom.conf": _CDR_CUSTOM,
        "extensions.conf": "[general]\n",
        "logger.conf": _LOGGER,
        "manager.conf": _MANAGER.replace("PORT", str(manager_port)),
        "modules.conf": modules,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
