"""`[recordings]`: what is refused, and that what is not can be filled in."""

from pathlib import Path

import pytest

from fallbackrouter.config.load import load_settings
from fallbackrouter.core.errors import ConfigError

LAST = '[last_resort]\napp = "group"\nnum = "100"\n'


def load(tmp_path: Path, text: str) -> str:
    """Return "" where it loads, else the sentence that refuses it."""
    file = tmp_path / "fallbackrouter.toml"
    file.write_text(f"[recordings]\n{text}\n{LAST}", encoding="utf-8")
    try:
        load_settings(file, {})
    except ConfigError as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        'dir = "/var/spool/asterisk/monitor"',
        'dir = "monitor"\nurl = "https://pbx.example/{node}/{path}?call={call_id}"',
        'dir = "monitor"\nurl = "{name}"',
    ],
)
def test_what_can_be_meant_loads(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == ""


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('url = "https://pbx.example/{path}"', "recordings.dir is empty", "folder"),
        ('dir = "a\\u0007"', "recordings.dir names no folder", "path"),
        ('dir = "a"\nurl = "https://pbx.example/"', "recordings.url holds neither", "put one"),
        ('dir = "a"\nurl = "https://pbx.example/{pth}"', "recordings.url holds {pth}", "write path"),
        ('dir = "a"\nurl = "https://pbx.example/{path"', "recordings.url holds a lonely", "%7B"),
        ('dir = "a"\nurl = "https://pbx.example/a b/{path}"', "recordings.url holds blanks", "%20"),
        ("wait_s = -1", "recordings.wait_s", "0 to"),
    ],
)
def test_what_cannot_is_refused_with_its_remedy(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    sentence = load(tmp_path, text)
    assert key in sentence
    assert remedy in sentence
