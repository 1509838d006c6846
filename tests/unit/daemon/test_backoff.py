"""The wait before a child is started again."""

from fallbackrouter.daemon.backoff import Backoff


def test_it_doubles_up_to_the_longest() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0) for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_healthy_life_starts_from_the_first_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(59.9)
    assert backoff.after(60.0) == 0.1
    assert backoff.after(1.0) == 0.2
