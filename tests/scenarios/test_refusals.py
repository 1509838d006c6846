"""What keeps the daemon from starting: one sentence that names file, key and remedy, exit 1, no traceback."""

import re
import socket
import sqlite3

import pytest

from tests.fakes.whole import Whole, ask


def refused(whole: Whole) -> str:
    """Start the daemon, which must refuse, and return its last words."""
    service = whole.start()
    assert service.wait() == 1
    sentence = service.stderr.splitlines()[-1]
    assert "Traceback" not in service.stderr
    assert service.lines == []
    return sentence.removeprefix("fallbackrouter: ")


def test_no_last_resort(whole: Whole) -> None:
    whole.config.write_text('data_dir = "var"\n', encoding="utf-8")
    sentence = refused(whole)
    assert sentence.startswith(f"{whole.config}: last_resort is missing")
    assert "write [last_resort]" in sentence


def test_an_unknown_key(whole: Whole) -> None:
    whole.configure(agi="wrokers = 2")
    assert re.search(r"fallbackrouter\.toml: agi\.wrokers .*workers", refused(whole))


def test_a_bad_pattern(whole: Whole) -> None:
    whole.configure('[[policy]]\ndid = "_[5-"\nlive_ms = 100')
    assert re.search(r"fallbackrouter\.toml: policy.*did", refused(whole))


def test_a_data_dir_under_a_file(whole: Whole) -> None:
    whole.configure(data_dir="file/var")
    (whole.folder / "file").touch()
    sentence = refused(whole)
    assert f"{whole.config}: data_dir {whole.folder}/file/var cannot be written (not a directory)" in sentence
    assert "set data_dir to another" in sentence


def test_a_data_dir_that_takes_no_files(whole: Whole) -> None:
    whole.configure(data_dir="/proc/self")  # where root may not write either
    assert "data_dir /proc/self cannot be written" in refused(whole)


def test_a_journal_newer_than_the_code(whole: Whole) -> None:
    assert whole.start().ready().stop() == 0
    with sqlite3.connect(whole.data_dir / "journal.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    sentence = refused(whole)
    assert f"{whole.data_dir / 'journal.db'} was written by a newer fallbackrouter (schema 9999)" in sentence
    assert "install that version or newer" in sentence


def test_a_port_in_use(whole: Whole) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        whole.configure()
        whole.config.write_text(whole.config.read_text(encoding="utf-8").replace("127.0.0.1:0", address, 1), "utf-8")
        sentence = refused(whole)
    assert (
        sentence
        == f"agi.listen: {address} is in use by another program; stop that one, or set agi.listen to a free port"
    )


@pytest.mark.core
def test_a_second_daemon(whole: Whole) -> None:
    first = whole.start().ready()
    second = whole.start()
    assert second.wait() == 1
    assert f"another fallbackrouter (pid {first.pid}) already serves from {whole.data_dir}" in second.stderr
    assert ask(first.port)["FR_SOURCE"] == "last_resort"


def test_a_token_file_that_is_not_there(whole: Whole) -> None:
    whole.configure('[crm]\nurl = "http://127.0.0.1:9/"\ntoken_file = "absent"')
    assert re.search(r"fallbackrouter\.toml: crm\.token_file .*absent", refused(whole))


def test_a_certificate_that_cannot_be_used(whole: Whole) -> None:
    (whole.folder / "cert.pem").write_text("nonsense", encoding="utf-8")
    whole.configure('[crm]\nurl = "https://127.0.0.1:9/"\nca_file = "cert.pem"')
    assert re.search(r"ca_file.*cert\.pem", refused(whole))
