"""The commented configuration that `fallbackrouter init` writes: every key with its default and its meaning."""

from fallbackrouter.config.keys import Key, all_keys
from fallbackrouter.config.limits import LIMITS
from fallbackrouter.config.meanings import MEANINGS, SECTIONS
from fallbackrouter.config.toml import toml_value

_HEAD = """\
# fallbackrouter's configuration. A line that begins with # says what a key means, or shows its default: take the # away
# to change it. Paths are relative to this file. Every key has an environment variable too: FALLBACKROUTER_AGI__WORKERS
# is workers in [agi]. Check it with `fallbackrouter config check`; docs/configuration.md says more.
"""

_LAST_RESORT = """\
# Where calls go when nobody else knows. Required: put your own group, extension or queue here.
[last_resort]
app = "group"
num = "100"
time = "60"
"""

_DESTINATIONS = f"""\
# {MEANINGS["destinations"]}
# group = "ext-group,{{num}},1"
"""

_POLICY = """\
# {title}.
# {about}
# [[policy]]
# did = "_7800XXXXXXX"
# order = ["override", "synced", "live", "remembered", "fallback", "last_resort"]
# live_ms = 150
"""


def _render() -> str:
    parts = [_HEAD, *(_lines(key) for key in _keys("")), _LAST_RESORT]
    for section in SECTIONS:
        if section not in ("", "last_resort", "policy"):
            heading = f"# {SECTIONS[section]}.\n[{section}]\n"
            keys = "".join(_lines(key) for key in _keys(section))
            parts.append(heading + (_DESTINATIONS if section == "destinations" else keys))
    parts.append(_POLICY.format(title=SECTIONS["policy"], about=MEANINGS["policy.did"]))
    return "\n".join(parts)


def _keys(section: str) -> list[Key]:
    """Return the keys of a section that have a default to show; tables of free names are sections themselves."""
    tables = ("last_resort", "policy", "destinations")
    return [key for key in all_keys().values() if key.section == section and key.path not in tables]


def _lines(key: Key) -> str:
    limit = f" ({LIMITS[key.path].text})" if key.path in LIMITS else ""
    text = f"# {MEANINGS[key.path]}{limit}\n"
    return text + f"# {key.name} = {toml_value(key.default)}\n"


TEMPLATE = _render()
