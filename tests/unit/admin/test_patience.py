import pytest

from fallbackrouter.admin.patience import FREE, MAX_NAMES, Patience, network_of


def test_the_first_failures_cost_nothing_and_each_one_more_doubles_the_wait() -> None:
    patience = Patience(60.0)
    waits = []
    for _ in range(FREE + 3):
        patience.failed("anna", 0.0)
        waits.append(patience.wait_s("anna", 0.0))
    assert waits == [0.0] * (FREE - 1) + [2.0, 4.0, 8.0, 16.0]


def test_the_wait_is_bounded_whatever_the_count() -> None:
    patience = Patience(60.0)
    for _ in range(5000):
        patience.failed("anna", 0.0)
    assert patience.wait_s("anna", 0.0) == 60.0
    assert patience.wait_s("anna", 60.0) == 0.0


def test_a_success_and_an_hour_forgive_all() -> None:
    patience = Patience(60.0)
    for _ in range(FREE + 1):
        patience.failed("anna", 0.0)
    patience.succeeded("anna")
    assert patience.wait_s("anna", 0.0) == 0.0
    for _ in range(FREE):
        patience.failed("anna", 0.0)
    patience.failed("anna", 4000.0)
    assert patience.wait_s("anna", 4000.0) == 0.0


def test_it_remembers_a_bounded_number_of_names() -> None:
    patience = Patience(60.0)
    for number in range(MAX_NAMES + 100):
        patience.failed(str(number), 0.0)
    assert len(patience._by_name) == MAX_NAMES


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("nonsense", "nonsense"),
    ],
)
def test_what_an_address_counts_as(address: str, counts_as: str) -> None:
    assert network_of(address) == counts_as
