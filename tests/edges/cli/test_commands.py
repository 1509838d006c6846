"""Commands as people run them: a process of their own, its output, its exit code."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.fakes.commands import run_command

CONFIG = """
[rules]
timezone = "Europe/Moscow"
[numbers]
region = "RU"
[crm]
url = "https://crm.example/callin/{stage}"
token = "top-secret-word"
[last_resort]
app = "group"
num = "100"
"""
RULES = """
- name: any moscow
  did: _7495XXXXXXX
  route: {app: group, num: "1"}
- name: by day
  did: "84951111111"
  when: "09:00-18:00,mon-fri,*,*"
  route: {app: group, num: "62", time: "100"}
- name: pinned
  tier: override
  did: "84957777777"
  route: {app: queue, num: "7"}
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    return tmp_path


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit 1, and one sentence that names what is wrong; never a traceback."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("fallbackrouter: ")
    for word in words:
        assert word in last


def test_a_first_configuration_works_as_it_is_written(tmp_path: Path) -> None:
    assert "next: " in run_command(tmp_path, "init").stdout
    assert run_command(tmp_path, "config", "check").returncode == 0
    assert run_command(tmp_path, "rules", "check").returncode == 0
    refused(run_command(tmp_path, "init"), "--force")
    assert run_command(tmp_path, "init", "--force").returncode == 0


def test_init_leaves_an_admins_rules_alone(house: Path) -> None:
    assert run_command(house, "init", "--force").returncode == 0
    assert [file.name for file in (house / "rules").iterdir()] == ["rules.yaml"]


def test_secrets_are_never_shown(house: Path) -> None:
    for words in (("config", "show"), ("config", "show", "--json")):
        done = run_command(house, *words)
        assert done.returncode == 0
        assert "crm.example" in done.stdout
        assert "top-secret-word" not in done.stdout + done.stderr


def test_no_configuration_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    refused(run_command(tmp_path, "config", "check"), "fallbackrouter init")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[agi]\nworker = 2\n", ("fallbackrouter.toml", "agi.worker", "write workers")),
        ("[[policy]]\ndid = '_7[495'\n", ("fallbackrouter.toml", "policy")),
    ],
)
def test_a_wrong_configuration_is_one_sentence(house: Path, line: str, words: tuple[str, ...]) -> None:
    with (house / "fallbackrouter.toml").open("a") as file:
        file.write(line)
    refused(run_command(house, "config", "check"), *words)


def test_a_missing_last_resort_is_one_sentence(house: Path) -> None:
    (house / "fallbackrouter.toml").write_text("[agi]\nworkers = 1\n")
    refused(run_command(house, "config", "check"), "fallbackrouter.toml", "last_resort")


def test_every_problem_of_the_rules_is_named_with_its_place(house: Path) -> None:
    (house / "rules" / "more.yaml").write_text("- name: a\n  did: _7[5\n  when: '9-18'\n  route: {app: fax}\n")
    done = run_command(house, "rules", "check")
    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert len(told) == 3
    assert all("more.yaml:" in line for line in told)
    as_json = run_command(house, "rules", "check", "--json")
    assert as_json.returncode == 1
    assert {json.loads(line)["line"] for line in as_json.stdout.splitlines()} == {2, 3, 4}


def test_rules_with_an_error_are_not_applied(house: Path) -> None:
    assert run_command(house, "rules", "apply").returncode == 0
    (house / "rules" / "rules.yaml").write_text("- name: a\n  route: {app: fax}\n")
    refused(run_command(house, "rules", "apply"), "nothing was applied")
    listed = lines(run_command(house, "rules", "list", "--json"))
    assert [rule["name"] for rule in listed] == ["pinned", "by day", "any moscow"]


def test_applied_rules_serve_and_files_that_differ_are_told(house: Path) -> None:
    assert "3 rules" in run_command(house, "rules", "apply").stdout
    (house / "rules" / "rules.yaml").write_text("- name: other\n  route: {app: hangup}\n")
    done = run_command(house, "rules", "list")
    assert "by day" in done.stdout
    assert "rules apply" in done.stderr


def test_explain_tells_the_winner_and_why_the_others_lose(house: Path) -> None:
    [by_day] = lines(run_command(house, "explain", "+74951111111", "--at", "2026-03-02 12:00", "--json"))
    assert (by_day["source"], by_day["rule"]) == ("fallback", "by day")
    assert [rule["rule"] for rule in by_day["rules"]] == ["by day", "any moscow"]  # type: ignore[attr-defined]
    [at_night] = lines(run_command(house, "explain", "+74951111111", "--at", "2026-03-02T22:00+03:00", "--json"))
    assert at_night["rule"] == "any moscow"
    [pinned] = lines(run_command(house, "explain", "84957777777", "--json"))
    assert pinned["source"] == "override"
    text = run_command(house, "explain", "84951111111", "--at", "2026-03-02 12:00").stdout
    assert "explain asks nobody" in text
    assert "fallback, rule by day" in text
    [other] = lines(run_command(house, "explain", "112", "--json"))
    assert other["source"] == "last_resort"


def test_a_second_route_is_explained_and_listed(house: Path) -> None:
    with (house / "fallbackrouter.toml").open("a") as config:
        config.write('[destinations]\nhangup = "app-blackhole,hangup,1"\n')
    two = "- name: two ways\n  did: '112'\n  routes: [{app: group, num: '62'}, {app: hangup}]\n"
    (house / "rules" / "rules.yaml").write_text(two)
    [told] = lines(run_command(house, "explain", "112", "--json"))
    assert (told["route"], told["next"]) == ({"app": "group", "num": "62"}, {"app": "hangup"})
    assert "rule two ways: app=group num=62, then app=hangup" in run_command(house, "explain", "112").stdout
    [listed] = lines(run_command(house, "rules", "list", "--json"))
    assert listed["route"] == "app=group num=62, then app=hangup"


@pytest.mark.parametrize(("words", "word"), [(("--at", "noon"), "--at"), (("--stage", "Init"), "stage")])
def test_explain_refuses_what_it_cannot_read(house: Path, words: tuple[str, ...], word: str) -> None:
    refused(run_command(house, "explain", "112", *words), word)


def test_a_feed_is_taken_over_and_explained(house: Path) -> None:
    feed = house / "feed.json"
    good = {"did": "84952222222", "result": {"app": "group", "num": "9"}}
    rows = [*({"id": f"r{count}", **good} for count in range(1, 20)), {"id": "bad", "result": {}}]
    feed.write_text(json.dumps({"routes": rows, "full": True}))
    dry = run_command(house, "sync", "--from", "feed.json", "--dry-run")
    assert "nothing changed" in dry.stdout
    assert not (house / "var" / "routes.db").exists()
    done = run_command(house, "sync", "--from", "feed.json")
    assert done.returncode == 0, done.stderr
    assert "19 routes: 19 added, 0 changed, 0 removed, 0 unchanged, 1 set aside" in done.stdout
    assert "row bad: no app" in done.stderr
    assert "bad" in run_command(house, "sync", "--rejects").stdout
    assert lines(run_command(house, "sync", "--rejects", "--json")) == [{"v": 1, "id": "bad", "reason": "no app"}]
    [told] = lines(run_command(house, "explain", "+74952222222", "--json"))
    assert (told["source"], told["rule"]) == ("synced", "r1")


def test_a_feed_that_drops_too_much_is_refused_with_numbers(house: Path) -> None:
    feed = house / "feed.json"

    def write(count: int) -> None:
        rows = [{"id": str(n), "did": f"8495{n:07d}", "result": {"app": "group", "num": "9"}} for n in range(count)]
        feed.write_text(json.dumps({"routes": rows}))

    write(10)
    assert run_command(house, "sync", "--from", "feed.json").returncode == 0
    write(6)
    refused(run_command(house, "sync", "--from", "feed.json"), "4 of 10", "--force")
    write(0)
    refused(run_command(house, "sync", "--from", "feed.json"), "--force")
    assert run_command(house, "sync", "--from", "feed.json", "--force").returncode == 0
    [told] = lines(run_command(house, "explain", "84950000001", "--json"))
    assert told["source"] == "fallback"


def test_without_a_journal_decisions_say_what_to_do(house: Path) -> None:
    for words in (("list",), ("tail",), ("show", "x")):
        refused(run_command(house, "decisions", *words), "fallbackrouter serve")


def test_ask_without_a_running_router_says_what_to_do(house: Path) -> None:
    with (house / "fallbackrouter.toml").open("a") as file:
        file.write('[agi]\nlisten = ["127.0.0.1:9"]\n')
    refused(run_command(house, "ask", "112"), "fallbackrouter serve")


def test_wrong_usage_is_exit_code_2(house: Path) -> None:
    assert run_command(house, "nonsense").returncode == 2
    assert run_command(house, "decisions", "list", "--limit", "0").returncode == 2


def test_version_is_told(tmp_path: Path) -> None:
    assert run_command(tmp_path, "version").stdout.startswith("fallbackrouter 0.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name --fault and --for, or --end alone"),
        (("--fault", "dns"), "name --fault and --for, or --end alone"),
        (("--end", "--for", "60s"), "name --fault and --for, or --end alone"),
        (("--fault", "flood", "--for", "60s"), "--fault is one of dns, connect, hang, slow, error, garbage"),
        (("--fault", "dns", "--for", "soon"), "--for is a length of time such as 60s or 5m, at most 1h"),
        (("--fault", "dns", "--for", "61m"), "--for is a length of time such as 60s or 5m, at most 1h"),
        (("--fault", "dns", "--for", "60s", "--share", "10"), "--share is above 0, at most 1"),
    ],
)
def test_a_drill_that_cannot_be_meant_is_wrong_usage(house: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run_command(house, "drill", *words)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())


def test_a_drill_needs_a_running_service(house: Path) -> None:
    done = run_command(house, "drill", "--fault", "dns", "--for", "60s")
    assert done.returncode == 1
    assert "start it with `fallbackrouter serve`" in done.stderr
