"""The cache of addresses: fresh before the TTL ends, stale for a bounded time, never lost to a broken name server."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fallbackrouter.crm.addresses import (
    MAX_ADDRESSES,
    MAX_RETRY_S,
    MAX_TTL_S,
    MIN_TTL_S,
    AddressBook,
    is_address,
)

HOST = "crm.example"
DAY_S = 86_400.0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1", "0.0.0.0"])  # noqa: S104 - a text, nothing is bound
def test_a_literal_is_its_own_address(host: str) -> None:
    assert AddressBook(0).addresses(host, 0) == (host,)


@pytest.mark.parametrize("host", ["crm.example", "", "fe80::1%eth0", "127.1", "1.2.3.4.5", "0x7f000001", "٣.1.1.1"])
def test_everything_else_is_a_name(host: str) -> None:
    assert not is_address(host)
    assert AddressBook(0).addresses(host, 0) == ()


def test_the_next_look_up_comes_before_the_ttl_ends_and_not_always_at_the_same_share_of_it() -> None:
    book = AddressBook(DAY_S)
    book.learn(HOST, ["10.0.0.1"], 100, 0, 0.0)
    early = book.due_s(HOST)
    book.learn(HOST, ["10.0.0.1"], 100, 0, 1.0)
    assert 50 <= early < book.due_s(HOST) < 100


@pytest.mark.parametrize(("ttl_s", "clamped_s"), [(0, MIN_TTL_S), (1e9, MAX_TTL_S)])
def test_a_ttl_is_clamped(ttl_s: float, clamped_s: float) -> None:
    book = AddressBook(DAY_S)
    book.learn(HOST, ["10.0.0.1"], ttl_s, 0, 1.0)
    assert clamped_s * 0.5 < book.due_s(HOST) <= clamped_s


def test_addresses_serve_until_they_are_too_stale() -> None:
    book = AddressBook(60)
    book.learn(HOST, ["10.0.0.1"], 5, 0, 0)
    for now_s in range(5, 60, 5):
        book.fail(HOST, now_s, 0)
    assert book.addresses(HOST, 60) == ("10.0.0.1",)
    assert book.addresses(HOST, 60.1) == ()


def test_without_any_stale_time_they_serve_for_their_ttl() -> None:
    book = AddressBook(0)
    book.learn(HOST, ["10.0.0.1"], 30, 0, 0)
    assert book.addresses(HOST, 29) == ("10.0.0.1",)
    assert book.addresses(HOST, 31) == ()


def test_the_winner_comes_first_and_stays_first_while_it_is_among_the_addresses() -> None:
    book = AddressBook(DAY_S)
    book.learn(HOST, ["10.0.0.1", "10.0.0.2", "10.0.0.3"], 60, 0, 0)
    book.prefer(HOST, "10.0.0.3")
    assert book.addresses(HOST, 1) == ("10.0.0.3", "10.0.0.1", "10.0.0.2")
    assert not book.learn(HOST, ["10.0.0.2", "10.0.0.3", "10.0.0.1"], 60, 2, 0)
    assert book.addresses(HOST, 2) == ("10.0.0.3", "10.0.0.2", "10.0.0.1")
    assert book.learn(HOST, ["10.0.0.2", "10.0.0.4"], 60, 3, 0)
    assert book.addresses(HOST, 3) == ("10.0.0.2", "10.0.0.4")
    book.prefer(HOST, "10.9.9.9")
    assert book.addresses(HOST, 3) == ("10.0.0.2", "10.0.0.4")


def test_saved_addresses_serve_at_once_and_are_looked_up_at_once() -> None:
    book = AddressBook(DAY_S)
    book.seed(HOST, ["10.0.0.1", "rubbish"], 3600, 0)
    assert book.addresses(HOST, 0) == ("10.0.0.1",)
    assert book.due_s(HOST) <= 0
    assert book.age_s(HOST, 0) == 3600


def test_saved_addresses_never_replace_newer_ones_nor_outlive_their_day() -> None:
    book = AddressBook(DAY_S)
    book.learn(HOST, ["10.0.0.1"], 60, 100, 0)
    book.seed(HOST, ["10.0.0.2"], 10, 100)
    assert book.addresses(HOST, 100) == ("10.0.0.1",)
    other = AddressBook(DAY_S)
    other.seed(HOST, ["10.0.0.2"], DAY_S + 1, 100)
    assert other.addresses(HOST, 100) == ()


def test_a_saved_moment_in_the_future_counts_as_now() -> None:
    book = AddressBook(DAY_S)
    book.seed(HOST, ["10.0.0.1"], -7200, 100)
    assert book.age_s(HOST, 100) == 0


def test_where_no_address_takes_a_connection_the_look_up_is_hastened_but_never_hurried() -> None:
    book = AddressBook(DAY_S)
    book.learn(HOST, ["10.0.0.1"], 300, 0, 0)
    book.hasten(HOST, 1)
    assert book.due_s(HOST) == MIN_TTL_S
    book.hasten(HOST, 50)
    assert book.due_s(HOST) == MIN_TTL_S
    book.fail(HOST, 50, 0)
    due_s = book.due_s(HOST)
    book.hasten(HOST, 50)
    assert book.due_s(HOST) == due_s


ADDRESSES = st.lists(st.sampled_from([f"10.0.0.{n}" for n in range(12)]), min_size=1, max_size=12)
JITTER = st.floats(0, 1)


class Book(RuleBasedStateMachine):
    """The book beside a plain model: what was last confirmed, and when."""

    @initialize(max_stale_s=st.sampled_from([0.0, 20.0, 400.0]))
    def start(self, max_stale_s: float) -> None:
        self.book = AddressBook(max_stale_s)
        self.max_stale_s = max_stale_s
        self.now_s = 1000.0
        self.known: tuple[set[str], float, float] | None = None

    @rule(seconds=st.floats(0, 500))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(addresses=ADDRESSES, ttl_s=st.integers(0, 1000), jitter=JITTER)
    def learn(self, addresses: list[str], ttl_s: int, jitter: float) -> None:
        kept = set(list(dict.fromkeys(addresses))[:MAX_ADDRESSES])
        changed = self.book.learn(HOST, addresses, ttl_s, self.now_s, jitter)
        assert changed == (self.known is None or self.known[0] != kept)
        self.known = (kept, self.now_s, min(max(ttl_s, MIN_TTL_S), MAX_TTL_S))
        assert self.now_s < self.book.due_s(HOST) < self.now_s + self.known[2]

    @rule(jitter=JITTER)
    def fail(self, jitter: float) -> None:
        self.book.fail(HOST, self.now_s, jitter)
        assert self.now_s < self.book.due_s(HOST) <= self.now_s + MAX_RETRY_S

    @rule(addresses=ADDRESSES, age_s=st.floats(0, 500))
    def seed(self, addresses: list[str], age_s: float) -> None:
        at_s = self.now_s - age_s
        self.book.seed(HOST, addresses, age_s, self.now_s)
        if self.known is None or self.known[1] < at_s:
            ttl_s = MIN_TTL_S if self.known is None else self.known[2]
            self.known = (set(list(dict.fromkeys(addresses))[:MAX_ADDRESSES]), at_s, ttl_s)

    @rule(address=st.sampled_from([f"10.0.0.{n}" for n in range(12)]))
    def prefer(self, address: str) -> None:
        self.book.prefer(HOST, address)
        if self.known and address in self.known[0] and self.book.addresses(HOST, self.now_s):
            assert self.book.addresses(HOST, self.now_s)[0] == address

    @rule()
    def hasten(self) -> None:
        self.book.hasten(HOST, self.now_s)

    @invariant()
    def what_was_confirmed_serves_until_it_is_too_stale(self) -> None:
        if self.known is None:
            assert self.book.addresses(HOST, self.now_s) == ()
            return
        kept, at_s, ttl_s = self.known
        serves = self.now_s <= at_s + max(ttl_s, self.max_stale_s)
        assert set(self.book.addresses(HOST, self.now_s)) == (kept if serves else set())

    @invariant()
    def the_next_look_up_is_never_far(self) -> None:
        assert self.book.due_s(HOST) <= self.now_s + MAX_TTL_S


Book.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_the_book_keeps_its_word = Book.TestCase
