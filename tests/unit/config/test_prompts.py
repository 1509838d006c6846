"""`[prompts]`: what is refused, and what the rooms get of what is not."""

from pathlib import Path

import pytest

from fallbackrouter.config.build import build_gate
from fallbackrouter.config.dialplan import dialplan_text
from fallbackrouter.config.load import load_settings
from fallbackrouter.config.prompts import crm_origins, prompt_folder, prompt_hosts, prompt_naming
from fallbackrouter.config.settings import Crm, Prompts, Settings
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.core.prompt import SPEECH, Prompt

URL = "https://crm.example/hello.wav?id=7"
LAST = '[last_resort]\napp = "group"\nnum = "100"\n'


def load(tmp_path: Path, text: str) -> str:
    """Return "" where it loads, else the sentence that refuses it."""
    file = tmp_path / "fallbackrouter.toml"
    file.write_text(f"[prompts]\n{text}\n{LAST}", encoding="utf-8")
    try:
        load_settings(file, {})
    except ConfigError as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        'dir = "/var/lib/prompts"\nhosts = ["crm.example"]\nvoices = { ru = "ru", en = "en-gb+f3" }',
        'dir = "/var/lib/prompts"\nwarm = { ru = ["Здравствуйте"] }\nlanguage_variable = "select"',
        'dir = "/var/lib/prompts"\nspoken = []\nhosts = ["127.0.0.1"]',
        'dir = "/p"\ncommand = ["piper", "--model", "/opt/{voice}.onnx"]',
    ],
)
def test_what_can_be_meant_loads(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == ""


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('dir = "/var/lib/my prompts"', "prompts.dir is", "letters of English"),
        ('dir = "/a,b"', "prompts.dir is", "letters of English"),
        (f'dir = "/{"a" * 100}"', "prompts.dir has a path of 101 characters", "at most 100"),
        ('dir = "/p"\nspoken = []', "prompts.hosts is empty", "name the hosts"),
        ('hosts = ["https://crm.example/"]', "prompts.hosts[1]", "write crm.example"),
        ("command = []", "prompts.command names no program", "arguments"),
        ('command = ["say", "{text}"]', "prompts.command[2] holds {text}", "comes on stdin"),
        ('command = ["say", "{vioce}"]', "prompts.command[2] holds {vioce}", "voice"),
        ('converter = ""', "prompts.converter names no program", "sox"),
        ('dir = "/p"\nspoken = ["txet"]', "prompts.spoken[1]", "text"),
        ('language = "english!"', "prompts.language", "such as en"),
        ('voices = { ru = "-w/tmp/x" }', "prompts.voices.ru", "its name"),
        ('voices = { ru = "ru;id" }', "prompts.voices.ru", "its name"),
        ('warm = { ru = [" "] }', "prompts.warm.ru[1]", "one line"),
        ('warm = { ru = ["a\\nb"] }', "prompts.warm.ru[1]", "one line"),
        ("max_mb = 0", "prompts.max_mb", "1"),
    ],
)
def test_what_cannot_is_refused_with_key_and_remedy(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    said = load(tmp_path, text)
    assert key in said
    assert remedy in said


def settings(**prompts: object) -> Settings:
    crm = Crm(url="https://CRM.example/ask/{stage}", routes_url="http://feed.example:8000/routes")
    last = {"app": "group", "num": "100", "audio1": "custom/hello"}
    return Settings(last_resort=last, crm=crm, prompts=Prompts(**prompts))  # type: ignore[arg-type]


def test_audio_comes_from_the_crms_hosts_unless_others_are_named(tmp_path: Path) -> None:
    assert prompt_hosts(settings()) == {"crm.example", "feed.example"}
    assert prompt_hosts(settings(hosts=["cdn.example"])) == {"cdn.example"}
    assert crm_origins(settings()) == {"https://crm.example:443", "http://feed.example:8000"}
    assert prompt_folder(settings(), tmp_path) is None
    assert prompt_folder(settings(dir="prompts"), tmp_path) == tmp_path / "prompts"


def test_a_language_speaks_by_its_voice_or_by_its_name() -> None:
    naming = prompt_naming(settings(language="ru", voices={"en": "en-gb"}, warm={"de": ["Hallo"]}))
    assert naming.speech("x", "en") == Prompt(SPEECH, "x", "en", "en-gb")
    assert naming.speech("x", "de") == Prompt(SPEECH, "x", "de", "de")
    assert naming.speech("x", "fr") == Prompt(SPEECH, "x", "ru", "ru")


def test_only_with_a_folder_is_audio_a_url_and_no_url_reaches_the_generated_dialplan() -> None:
    assert not build_gate(settings()).audio_urls
    kept = settings(dir="/p")
    assert build_gate(kept).audio_urls
    with_url = Settings(
        last_resort={"app": "group", "num": "100", "audio1": URL, "text": "Good day"},
        crm=kept.crm,
        prompts=kept.prompts,
    )
    text = dialplan_text(with_url, ())
    assert "crm.example" not in text
    assert "Good day" not in text
    assert "FR_PROMPT" in text
    assert "FR_PROMPT" not in dialplan_text(settings(), ())
