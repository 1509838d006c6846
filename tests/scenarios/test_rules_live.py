"""Rules changed under a running router: pins, rollback, and files that are applied as they are saved."""

import json
import os
import signal
import subprocess
import sys

from tests.fakes.service import Service, wait_until
from tests.fakes.whole import DID, Whole, ask, rule

BROKEN = "- {name: office, tier: nowhere}\n"


def run(whole: Whole, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FALLBACKROUTER_")}
    done = subprocess.run(
        [sys.executable, "-m", "fallbackrouter", "rules", *words, "--config", str(whole.config)],
        cwd=whole.folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def doctor_rules(whole: Whole) -> dict[str, str]:
    """Return what `doctor` finds of the rules."""
    command = [sys.executable, "-m", "fallbackrouter", "doctor", "--json", "--config", str(whole.config)]
    done = subprocess.run(command, cwd=whole.folder, capture_output=True, text=True, timeout=300, check=False)
    (found,) = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "rules"]
    return dict(found)


def rule_files(service: Service) -> str:
    background = service.status()["background"] or {}
    return str(background.get("rule_files", {}).get("state"))


def incidents(whole: Whole) -> list[tuple[str, ...]]:
    return whole.query("SELECT state, reason FROM incidents WHERE part = 'rule files' ORDER BY id")


def test_a_pin_serves_at_once_even_where_other_files_are_broken(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    whole.rules(BROKEN)
    assert "serve now" in run(whole, "pin", DID, "--to", "group:9", "--for", "1h", "--why", "line down").stdout
    pinned = ask(service.port)
    assert (pinned["num"], pinned["FR_SOURCE"], pinned["FR_RULE"]) == ("9", "override", f"pin {DID}")
    run(whole, "unpin", DID)
    assert ask(service.port)["num"] == "62"


def test_what_was_rolled_back_stays_so_over_a_restart(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    whole.rules(rule("office", DID, "66"))
    run(whole, "apply")
    assert ask(service.port)["num"] == "66"
    assert "serve now" in run(whole, "rollback").stdout
    assert ask(service.port)["num"] == "62"
    whole.rules(rule("office", DID, "66"))  # a deployment puts them there again
    service.stop()
    service = whole.start().ready()
    assert ask(service.port)["num"] == "62"
    assert "rolled back, and are left alone" in service.stderr
    run(whole, "apply")
    assert ask(service.port)["num"] == "66"


def test_a_saved_file_that_does_not_check_is_told_of_and_so_is_its_end(whole: Whole) -> None:
    whole.configure("[rules]\nauto_apply = true")
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    wait_until(lambda: rule_files(service) == "good", "the files were looked at")
    whole.rules(BROKEN)
    wait_until(lambda: rule_files(service) == "broken", "the broken file is noticed")
    assert ask(service.port)["num"] == "62"
    assert "the rule has no route" in service.status()["background"]["rule_files"]["reason"]
    wait_until(lambda: "the last good rules serve on" in service.stderr, "the log tells so")
    assert doctor_rules(whole)["level"] == "fail"
    whole.rules(rule("office", DID, "63"))
    wait_until(lambda: ask(service.port)["num"] == "63", "the corrected file serves")
    wait_until(lambda: rule_files(service) == "good", "status tells so")
    wait_until(lambda: len(incidents(whole)) == 2, "both are on record")
    (broken, reason), (good, _) = incidents(whole)
    assert (broken, good) == ("broken", "good")
    assert "rules.yaml:1:" in reason


def test_a_start_with_a_broken_file_serves_the_last_good_rules_and_tells_of_it(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    whole.start().ready().stop()
    whole.rules(BROKEN)
    service = whole.start().ready()
    assert ask(service.port)["num"] == "62"
    assert service.status()["rules"] == 1
    assert "the rule has no route" in service.stderr
    assert "the rule files have errors; the last good rules serve on" in service.stderr
    wait_until(lambda: rule_files(service) == "broken", "status tells so")
    assert "rules.yaml:1:" in service.status()["background"]["rule_files"]["reason"]
    examined = doctor_rules(whole)
    assert examined["level"] == "fail"
    assert "rules.yaml:1:" in examined["what"]
    assert "the rules that were applied last serve on" in examined["what"]
    whole.rules(rule("office", DID, "63"))
    run(whole, "apply")
    wait_until(lambda: rule_files(service) == "good", "status tells of their end")
    wait_until(lambda: [state for state, _ in incidents(whole)] == ["broken", "good"], "both are on record")


def test_a_reload_that_finds_a_broken_file_is_told_of(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    wait_until(lambda: rule_files(service) == "good", "the files were looked at")
    whole.rules(BROKEN)
    service.signal(signal.SIGHUP)
    wait_until(lambda: rule_files(service) == "broken", "status tells so")
    assert ask(service.port)["num"] == "62"


def test_files_that_were_rolled_back_are_held_until_somebody_takes_them_over(whole: Whole) -> None:
    whole.configure("[rules]\nauto_apply = true")
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    whole.rules(rule("office", DID, "66"))
    wait_until(lambda: ask(service.port)["num"] == "66", "the saved file serves")
    run(whole, "rollback", "--keep-files")
    (whole.rules_dir / "rules.yaml").touch()
    wait_until(lambda: rule_files(service) == "held", "the files are left alone")
    assert ask(service.port)["num"] == "62"
    run(whole, "apply")
    wait_until(lambda: rule_files(service) == "good", "they were taken over")
    assert ask(service.port)["num"] == "66"
