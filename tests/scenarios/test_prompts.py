"""What callers hear, through the whole daemon: missing at first, there for the next call, and there without the CRM."""

import json
import os
import shutil
import signal
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.audio import FakeAudio, audio_thread
from tests.fakes.commands import run_command
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import Service, wait_until
from tests.fakes.whole import DID, Whole, ask, make_calls, rule

pytestmark = pytest.mark.skipif(
    not (shutil.which("sox") and shutil.which("espeak-ng")), reason="needs sox and espeak-ng"
)
CONFIG = """
[crm]
url = "{crm}"

[budget]
call_ms = 30000
live_ms = 20000
fresh_ms = 20000

[remembered]
never = []

[prompts]
dir = "prompts"
hosts = ["127.0.0.1"]
voices = {{ ru = "ru" }}

[prompts.warm]
ru = ["Здравствуйте"]
"""


@pytest.fixture
def audio() -> Iterator[FakeAudio]:
    with audio_thread() as served:
        yield served


def facts(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = (service.status()["background"] or {}).get("prompts") or {}
    return found


@pytest.mark.core
def test_a_greeting_is_there_for_the_next_call_and_plays_on_without_the_crm(whole: Whole, audio: FakeAudio) -> None:
    route = {"app": "group", "num": "62", "audio1": audio.url(), "text": "Good day"}
    whole.rules(rule("other", "74952222222", "7"))
    with CrmProcess() as crm:
        crm.set_answers({DID: route})
        whole.configure(CONFIG.format(crm=crm.url))
        service = whole.start().ready()
        first = ask(service.port)
        assert (first["FR_SOURCE"], first["FR_PROMPT"], first["audio1"], first["text"]) == ("live", "missing", "", "")
        wait_until(lambda: ask(service.port)["FR_PROMPT"] == "ok", "the prompts")
        heard = ask(service.port)
        crm.kill()
        gone = ask(service.port)
        assert gone["FR_SOURCE"] == "remembered"
        assert (gone["audio1"], gone["text"]) == (heard["audio1"], heard["text"])
        wait_until(lambda: ask(service.port, did="74952222222")["FR_PROMPT"] == "", "a route without prompts")
    for path in (heard["audio1"], heard["text"]):
        assert Path(path).parent == whole.folder / "prompts"
        with wave.open(f"{path}.wav16", "rb") as file:
            assert file.getnframes() > 4_000
    wait_until(lambda: facts(service).get("ready") == 3, "the warm phrase")

    os.kill(service.status()["background"]["pid"], signal.SIGKILL)
    assert ask(service.port)["FR_PROMPT"] == "ok"
    os.kill(service.status()["workers"][0]["pid"], signal.SIGKILL)
    wait_until(lambda: service.status()["workers"][0]["state"] == "ready", "another worker")
    assert ask(service.port)["FR_PROMPT"] == "ok"
    _try_commands(whole, service, audio)
    assert service.stop() == 0


def _try_commands(whole: Whole, service: Service, audio: FakeAudio) -> None:
    wait_until(lambda: facts(service).get("ready") == 3, "the background process to be back")
    said = run_command(whole.folder, "prompts", "say", "До свидания", "--language", "ru", "--json")
    assert said.returncode == 0, said.stderr
    row = json.loads(said.stdout)
    assert (row["state"], row["voice"], Path(f"{row['path']}.wav").is_file()) == ("ok", "ru", True)
    fetched = run_command(whole.folder, "prompts", "fetch", audio.url("html"))
    assert (fetched.returncode, "which is no audio" in fetched.stderr) == (1, True)
    lacking = run_command(whole.folder, "prompts", "list", "--missing", "--json")
    assert [json.loads(line)["what"] for line in lacking.stdout.splitlines()] == [audio.url("html")]
    shown = run_command(whole.folder, "prompts", "show", "До свидания")
    assert row["path"] in shown.stdout
    purged = run_command(whole.folder, "prompts", "purge")
    assert purged.stdout.strip() == "4 gone", purged.stderr
    wait_until(lambda: facts(service).get("ready") == 1, "what is warm alone")


def test_synced_routes_and_rules_have_theirs_ahead(whole: Whole, audio: FakeAudio, tmp_path: Path) -> None:
    whole.configure(CONFIG.format(crm="").replace('ru = ["Здравствуйте"]', ""))
    whole.rules(rule("spoken", DID, "62").replace('num: "62"', 'num: "62", text: "We are closed"'))
    feed = {"id": "1", "did": "74953333333", "result": {"app": "group", "num": "9", "audio1": audio.url("dated")}}
    (tmp_path / "feed.json").write_text(json.dumps({"routes": [feed], "full": True}), encoding="utf-8")
    service = whole.start().ready()
    synced = run_command(whole.folder, "sync", "--from", str(tmp_path / "feed.json"))
    assert synced.returncode == 0, synced.stderr
    wait_until(lambda: facts(service).get("ready") == 2, "what rules and routes name")
    assert audio.asked
    assert ask(service.port, did="74953333333")["FR_PROMPT"] == "ok"
    assert ask(service.port)["text"].startswith(str(whole.folder / "prompts"))
    assert service.stop() == 0


def test_hostile_audio_costs_no_call_and_leaves_nothing_beside_the_folder(
    whole: Whole, audio: FakeAudio, tmp_path: Path
) -> None:
    modes = ("gigabyte", "endless", "trickle", "html", "liar", "flac", "garbage", "moved", "nothing")
    config = CONFIG.format(crm="").replace('dir = "prompts"', 'dir = "prompts"\nmax_file_mb = 1\nfetch_s = 5')
    whole.configure(config)
    urls = [*(audio.url(mode) for mode in modes), audio.url("good", "..%2f..%2f..%2fetc%2fpasswd")]
    feed = [
        {"id": str(place), "did": f"7495{place:07}", "result": {"app": "group", "num": "9", "audio1": url}}
        for place, url in enumerate(urls)
    ]
    (tmp_path / "feed.json").write_text(json.dumps({"routes": feed, "full": True}), encoding="utf-8")
    service = whole.start().ready()
    before = {path.name for path in whole.folder.iterdir()}
    synced = run_command(whole.folder, "sync", "--from", str(tmp_path / "feed.json"))
    assert synced.returncode == 0, synced.stderr
    logs = [make_calls(service.port, 20, 4, did=f"7495{place:07}") for place in range(len(urls))]
    assert [log.without for log in logs] == [0] * len(urls)
    wait_until(lambda: len(_reasons(whole)) == len(modes) - ("garbage" in _kept(whole)), "every try")
    assert service.status()["background"]["restarts"] == 0
    assert service.stop() == 0
    recorded = whole.recorded()
    assert all(log.recorded <= recorded.keys() for log in logs)
    folder = whole.folder / "prompts"
    assert {path.name for path in whole.folder.iterdir()} <= before | {"prompts", "feed.json", "stderr.log", "var"}
    assert {path.suffix for path in folder.iterdir()} <= {".wav", ".wav16", ".json", ".making"} | {""}
    assert not list((folder / ".making").iterdir())


def _book(whole: Whole) -> list[dict[str, Any]]:
    listed = run_command(whole.folder, "prompts", "list", "--json")
    return [json.loads(line) for line in listed.stdout.splitlines()]


def _reasons(whole: Whole) -> dict[str, str]:
    """Why what cannot be had cannot, by its URL."""
    return {row["what"]: row["reason"] for row in _book(whole) if row["reason"]}


def _kept(whole: Whole) -> str:
    """The URLs that could be had."""
    return " ".join(row["what"] for row in _book(whole) if row["state"] == "ok")
