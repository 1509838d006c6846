from datetime import UTC, datetime
from pathlib import Path

import pytest

from fallbackrouter.store.addresses import SavedAddress, load_addresses, save_addresses
from fallbackrouter.store.migrate import upgrade

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    upgrade(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def test_a_name_s_addresses_are_replaced_and_other_names_stay(path: Path) -> None:
    assert load_addresses(path) == []
    other = SavedAddress("other.example", "192.0.2.9", 60.0, AT)
    save_addresses(path, [SavedAddress("crm.example", "192.0.2.1", 300.0, AT), other])
    new = [SavedAddress("crm.example", "192.0.2.3", 5.0, AT), SavedAddress("crm.example", "2001:db8::1", 5.5, AT)]
    save_addresses(path, new)
    assert load_addresses(path) == [other, *new]


def test_an_address_told_twice_is_one(path: Path) -> None:
    one = SavedAddress("crm.example", "192.0.2.1", 300.0, AT)
    save_addresses(path, [one, one])
    assert load_addresses(path) == [one]
