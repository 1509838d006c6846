"""The whole daemon at work: answers, records, restarts and takes over what admins change."""

import re
import signal
import threading

import pytest

from fallbackrouter.core.errors import ControlError
from tests.fakes.crm_process import CrmProcess
from tests.fakes.service import alive, wait_until
from tests.fakes.whole import DID, Load, Whole, ask, make_calls, rule

BROKEN = "- {name: broken, tier: nowhere}\n"


@pytest.mark.core
def test_calls_are_answered_and_recorded(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"), rule("fire", "74952222222", "911", tier="override"))
    service = whole.start().ready()
    assert re.fullmatch(
        r"fallbackrouter 0\.1\.0 ready: agi 127\.0\.0\.1:\d+, http 127\.0\.0\.1:\d+, 2 rules, 0 routes, no CRM\n",
        service.lines[0],
    )
    office, fire, nobody = ask(service.port), ask(service.port, "74952222222"), ask(service.port, "74953333333")
    assert [one["FR_SOURCE"] for one in (office, fire, nobody)] == ["fallback", "override", "last_resort"]
    assert [one["num"] for one in (office, fire, nobody)] == ["62", "911", "100"]
    event = ask(service.port, data="event,${EXTEN},start")
    assert (event["FR_SOURCE"], event["FR_STATUS"]) == ("event", "ok")
    assert service.stop() == 0
    recorded = whole.recorded()
    assert {one["FR_DECISION"] for one in (office, fire, nobody)} == set(recorded)
    assert recorded[fire["FR_DECISION"]] == ("override", "ok")
    assert whole.query("SELECT stage, state FROM events") == [("start", "pending")]


def test_each_process_loads_no_more_than_it_needs(whole: Whole) -> None:
    service = whole.start().ready()
    ask(service.port)
    status = service.status()
    assert status["workers"][0]["forbidden_modules"] == []
    assert set(status["foreign_modules"]) <= {"_distutils_hack"}  # which setuptools puts into every process


def test_the_command_becomes_the_service_and_sheds_what_it_has_loaded(whole: Whole) -> None:
    service = whole.start(program=("-c", "from fallbackrouter.cli.main import main; main()")).ready()
    status = service.status()
    assert status["pid"] == service.pid
    assert set(status["foreign_modules"]) <= {"_distutils_hack"}
    assert service.stop() == 0


@pytest.mark.core
def test_sigterm_answers_the_call_in_hand(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    with CrmProcess("--mode", "hang") as crm:
        whole.configure(f'[crm]\nurl = "{crm.url}"\n[budget]\ncall_ms = 2500\nlive_ms = 2000')
        service = whole.start().ready()
        answers: list[dict[str, str]] = []
        caller = threading.Thread(target=lambda: answers.append(ask(service.port)))
        caller.start()
        wait_until(lambda: crm.state()["met"], "the CRM is asked")
        assert service.stop() == 0
        caller.join()
    assert answers[0]["FR_SOURCE"] == "fallback"
    assert whole.recorded() == {answers[0]["FR_DECISION"]: ("fallback", "degraded")}


@pytest.mark.core
def test_sighup_takes_new_rules_and_no_call_notices(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    (pid,) = service.worker_pids()
    whole.rules(rule("office", DID, "63"), rule("other", "74952222222", "64"))
    service.signal(signal.SIGHUP)
    log = make_calls(service.port, 300, 10)
    wait_until(lambda: ask(service.port)["num"] == "63", "the new rules serve")
    assert log.without == 0
    assert log.all("num") <= {"62", "63"}
    assert service.worker_pids() == [pid]
    assert service.status()["rules"] == 2


def test_sighup_with_broken_rules_keeps_the_old_ones(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    whole.rules(BROKEN)
    service.signal(signal.SIGHUP)
    wait_until(lambda: "the last good rules serve on" in service.stderr, "it is told of")
    assert ask(service.port)["num"] == "62"


def test_the_last_good_rules_serve_after_a_restart_with_broken_files(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    assert whole.start().ready().stop() == 0
    whole.rules(BROKEN)
    service = whole.start().ready()
    assert ", 1 rule, " in service.lines[0]
    assert ask(service.port)["FR_RULE"] == "office"
    assert "the last good rules serve on" in service.stderr
    assert "rules.yaml:1:" in service.stderr


def test_broken_rules_at_a_first_start_are_told_loudly_and_calls_are_answered(whole: Whole) -> None:
    whole.rules(BROKEN)
    service = whole.start().ready()
    wait_until(lambda: service.status()["background"]["state"] == "ready", "it is there")
    assert "NO RULES SERVE" in service.stderr
    assert ask(service.port)["FR_SOURCE"] == "last_resort"
    whole.rules(rule("office", DID, "62"))
    assert service.command("apply")["rules"] == 1
    assert ask(service.port)["FR_SOURCE"] == "fallback"


def test_apply_over_the_control_socket_refuses_broken_rules(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    service = whole.start().ready()
    wait_until(lambda: service.status()["background"]["state"] == "ready", "it is there")
    whole.rules(BROKEN)
    with pytest.raises(ControlError, match=r"nothing was applied, the rules that served serve on: .*rules\.yaml:1"):
        service.command("apply")
    assert ask(service.port)["num"] == "62"


def test_a_saved_file_is_taken_over_by_itself_where_that_is_wanted(whole: Whole) -> None:
    whole.rules(rule("office", DID, "62"))
    whole.configure("[rules]\nauto_apply = true", agi="workers = 2")
    service = whole.start().ready()
    whole.rules(BROKEN)
    wait_until(lambda: "the last good rules serve on" in service.stderr, "broken rules are told of")
    assert ask(service.port)["num"] == "62"
    whole.rules(rule("office", DID, "63"))
    wait_until(lambda: make_calls(service.port, 10, 10).all("num") == {"63"}, "the new rules serve")


def test_a_changed_configuration_is_taken_over_and_no_call_notices(whole: Whole) -> None:
    service = whole.start().ready()
    before = service.worker_pids()
    whole.configure(last_resort="200")
    service.signal(signal.SIGHUP)
    log = make_calls(service.port, 600, 10)
    wait_until(lambda: ask(service.port)["num"] == "200", "the new configuration serves")
    assert log.without == 0
    assert log.all("num") <= {"100", "200"}
    wait_until(lambda: service.worker_pids() and service.worker_pids() != before, "a new worker serves")
    service.stop()
    assert log.recorded <= set(whole.recorded())


@pytest.mark.parametrize("text", ["nonsense", "[agi]\nlisten = 5", "[budget]\ncall_ns = 1"])
def test_a_bad_configuration_leaves_the_old_one_serving(whole: Whole, text: str) -> None:
    service = whole.start().ready()
    (pid,) = service.worker_pids()
    whole.configure(text, last_resort="200")
    service.signal(signal.SIGHUP)
    wait_until(lambda: "not reloaded, what served before serves on" in service.stderr, "it is told of")
    assert ask(service.port)["num"] == "100"
    assert service.worker_pids() == [pid]
    assert "Traceback" not in service.stderr


def test_the_token_reaches_the_crm_and_no_disk_argument_or_log(whole: Whole) -> None:
    token = "tok-4f1c9b7e"  # noqa: S105 - a made-up one
    with CrmProcess() as crm:
        whole.configure(f'[crm]\nurl = "{crm.url}"\n[log]\nlevel = "debug"')
        service = whole.start({"FALLBACKROUTER_CRM__TOKEN": token}).ready()
        assert ask(service.port)["FR_SOURCE"] == "live"
        assert crm.requests()[-1]["headers"]["authorization"] == f"Bearer {token}"
        assert token not in str(service.status())
        (pid,) = service.worker_pids()
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as arguments:  # noqa: PTH123 - a file of /proc
            assert token not in arguments.read()
        service.stop()
    assert token not in service.stderr
    for file in whole.folder.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes()


def test_a_deep_data_dir_has_a_control_socket_too(whole: Whole) -> None:
    whole.configure(data_dir="/".join(["deeper"] * 20))
    service = whole.start().ready()
    assert service.status()["ready"]
    assert service.stop() == 0


def test_a_worker_past_its_memory_is_replaced_and_no_call_notices(whole: Whole) -> None:
    whole.configure(agi="max_rss_mb = 10")
    service = whole.start().ready()
    (old,) = service.worker_pids()
    with Load(service.port, 10) as load:
        wait_until(lambda: service.worker_pids() not in ([], [old]), "another worker serves")
        load.wait_for_answers(200)
    assert load.log.without == 0
    wait_until(lambda: not alive(old), "the old worker leaves")
    assert service.stop() == 0
    assert set(load.log.answers) <= set(whole.recorded())
    ((part, reason),) = whole.query("SELECT part, reason FROM incidents WHERE state = 'too large'")
    assert part == "worker 1"
    assert reason.endswith("MiB, more than agi.max_rss_mb = 10")
