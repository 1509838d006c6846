"""`dialplan.auto`: the installed dialplan follows the rules that serve, once they rest."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from fallbackrouter.clock import SystemClock
from fallbackrouter.config.load import load_settings
from fallbackrouter.daemon.behind.dialplan import Dialplan
from fallbackrouter.daemon.behind.duty import Inside
from fallbackrouter.jobs.dialplan_file import Found, look
from fallbackrouter.rulesfile.compiled import RuleSpec, digest, dump
from fallbackrouter.store.journal import JournalWriter
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.rulesets import save_ruleset

pytestmark = pytest.mark.anyio

CONFIG = """\
[last_resort]
app = "group"
num = "100"
[dialplan]
file = "fr.conf"
auto = true
"""
PATIENCE_S = 30.0


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    config = tmp_path / "fallbackrouter.toml"
    config.write_text(CONFIG)
    journal = tmp_path / "journal.db"
    upgrade(journal)
    clock = SystemClock()
    with ThreadPoolExecutor(1) as writing:
        writer = JournalWriter(journal, on_note=lambda *_, **__: None, on_overflow=lambda _: None, clock=clock)
        yield Inside(load_settings(config, {}), "", journal, writer, clock, lambda _: None, writing)


def _apply(inside: Inside, *names: str) -> None:
    specs = [RuleSpec(name=name, tier="fallback", variables=(("app", "hangup"),)) for name in names]
    body = dump(specs)
    save_ruleset(inside.journal_path, body, digest(body), "test", inside.clock.now_at())


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def _until_it_holds(path: Path, name: str) -> str:
    with anyio.fail_after(PATIENCE_S):
        while f"FR_RULE={name}" not in _text(path):
            await anyio.sleep(0.02)
    return _text(path)


async def test_it_follows_the_rules_and_skips_what_did_not_rest(inside: Inside) -> None:
    path = inside.loaded.file("fr.conf")
    _apply(inside, "first")
    duty = Dialplan.where_wanted(inside, None, rest_s=0.2)
    assert duty is not None
    await duty.start()
    try:
        first = await _until_it_holds(path, "first")
        for name in ("a", "b", "last"):
            _apply(inside, name)  # without an await, so that the duty looks at the rules before or after all three
        last = await _until_it_holds(path, "last")
        with anyio.fail_after(PATIENCE_S):
            while duty.facts()["dialplan"]["installed"] < 2:  # counted once the writing thread has answered
                await anyio.sleep(0.02)
        assert duty.facts() == {"dialplan": {"installed": 2, "reason": ""}}
        assert look(path, first) is Found.OTHER
        assert look(path, last) is Found.SAME
    finally:
        await duty.close()


async def test_a_file_of_somebody_elses_is_left_alone_and_told(inside: Inside) -> None:
    path = inside.loaded.file("fr.conf")
    path.write_text("[mine]\n")
    duty = Dialplan(inside, None, rest_s=0)
    await duty.start()
    try:
        with anyio.fail_after(PATIENCE_S):
            while not duty.facts()["dialplan"]["reason"]:
                await anyio.sleep(0.02)
        assert "left alone" in duty.facts()["dialplan"]["reason"]
        assert _text(path) == "[mine]\n"
    finally:
        await duty.close()


async def test_it_is_off_unless_it_is_wanted(inside: Inside) -> None:
    config = inside.loaded.base / "fallbackrouter.toml"
    config.write_text(CONFIG.replace("auto = true", "auto = false"))
    off = Inside(
        load_settings(config, {}), "", inside.journal_path, inside.journal, inside.clock, inside.say, inside.writing
    )
    assert Dialplan.where_wanted(off, None) is None
