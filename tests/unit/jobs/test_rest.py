"""When a saved file is taken over."""

from fallbackrouter.jobs.rules_watch import Picture, Rest


def picture(*sizes: int) -> Picture:
    return frozenset((f"/rules/{number}.yaml", number, size, size) for number, size in enumerate(sizes))


def test_the_first_picture_counts_once_it_rests() -> None:
    rest = Rest()
    assert [rest.look(picture(1)) for _ in range(4)] == [False, True, False, False]


def test_a_change_counts_once_it_rests() -> None:
    rest = Rest()
    looks = [picture(1), picture(1), picture(2), picture(3), picture(3), picture(3)]
    assert [rest.look(one) for one in looks] == [False, True, False, False, True, False]


def test_a_change_and_back_is_no_change() -> None:
    rest = Rest()
    looks = [picture(1), picture(1), picture(2), picture(1), picture(1)]
    assert [rest.look(one) for one in looks] == [False, True, False, False, False]


def test_a_file_that_is_gone_is_a_change() -> None:
    rest = Rest()
    looks = [picture(1, 2), picture(1, 2), picture(1), picture(1)]
    assert [rest.look(one) for one in looks] == [False, True, False, True]
