"""A worker that takes too much memory: another one serves before it leaves, and its calls are finished."""

from tests.fakes.parent import Doubled, Peer, ask
from tests.fakes.service import alive, wait_until

TOO_LARGE = "worker 1 too large: it takes "


def test_it_finishes_its_calls_while_another_serves(doubled: Doubled) -> None:
    service = doubled.start(max_rss_mb=1).ready()
    peer = Peer(service.port, "hold 3")
    old = service.worker_pids()[0]
    wait_until(lambda: ask(service.port)[0] != old, "another worker answers")
    assert alive(old)
    assert peer.answer()[0] == old
    wait_until(lambda: not alive(old), "the old worker leaves")
    assert "more than agi.max_rss_mb = 1" in service.stderr
    (worker,) = service.status()["workers"]
    assert worker["restarts"] == 0
    assert worker["rss_mb"] > 1


def test_a_limit_that_is_too_low_starts_no_worker_after_worker(doubled: Doubled) -> None:
    service = doubled.start(max_rss_mb=1, workers=2).ready()
    first = set(service.worker_pids())
    wait_until(lambda: first.isdisjoint(service.worker_pids()), "both were replaced")
    second = service.worker_pids()
    wait_until(lambda: min(worker["lived_s"] for worker in service.status()["workers"]) > 2, "they live on")
    assert service.worker_pids() == second
    assert doubled.incidents.count("too large") == 2
    assert service.stop() == 0


def test_without_a_limit_nobody_is_replaced(doubled: Doubled) -> None:
    service = doubled.start().ready()
    first = service.worker_pids()
    wait_until(lambda: service.status()["workers"][0]["lived_s"] > 1, "it lives on")
    assert service.worker_pids() == first


def test_a_new_limit_counts_from_its_reload_on(doubled: Doubled) -> None:
    service = doubled.start(max_rss_mb=100_000).ready()
    assert doubled.incidents == ""
    doubled.configure(max_rss_mb=1)
    service.command("reload")
    wait_until(lambda: TOO_LARGE in doubled.incidents, "the worker is too large now")


def test_a_stop_in_the_middle_leaves_nobody(doubled: Doubled) -> None:
    service = doubled.start(max_rss_mb=1).ready()
    wait_until(lambda: "is too large" in service.stderr, "a replacement begins")
    pids = service.worker_pids()
    assert service.stop() == 0
    assert not any(alive(pid) for pid in pids)
    assert "Traceback" not in service.stderr
