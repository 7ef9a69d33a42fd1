"""Why a database cannot be used is said by name, and never in the driver's own words."""

import socket
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from app.domain.kernel.errors import Unavailable
from app.store.engine import Database
from app.store.faults import unavailable
from tests.support.databases import LOGIN, Databases


def fault(url: str) -> Unavailable:
    """How a write to a database is refused."""
    database = Database(url)
    try:
        with pytest.raises(Unavailable) as refusal, database.write("tnt_1") as connection:
            connection.exec_driver_sql("INSERT INTO ledgers VALUES ('tnt_1', 0, 0)")
        return refusal.value
    finally:
        database.close()


@pytest.mark.parametrize(
    ("before", "change", "code"),
    [
        ("", "/steward_nowhere?", "store_missing"),
        ("", "//nobody@", "store_login_refused"),
        ("", "host=/nonexistent", "store_unreachable"),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "", "store_read_only"),
        ("CREATE ROLE stranger LOGIN", "//stranger@", "store_roles_missing"),
    ],
)
def test_a_database_of_postgresql_that_cannot_be_used_says_why(
    databases: Databases, before: str, change: str, code: str
) -> None:
    url = databases.fresh("postgresql")
    name = url.partition("@/")[2].partition("?")[0]
    if before:
        with psycopg.connect(databases.psql("postgres"), autocommit=True) as connection:
            connection.execute(before.format(name=name))
    if change.startswith("//"):
        url = url.replace(f"//{LOGIN}@", change)
    elif change.startswith("/"):
        url = url.replace(f"/{name}?", change)
    elif change:
        url = f"{url.partition('?')[0]}?{change}"

    refusal = fault(url)

    assert refusal.code == code
    assert not any(word in refusal.detail for word in (name, "stranger", "nobody", "nonexistent", "psycopg", "FATAL"))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("database or disk is full", "storage_full"),
        ('could not extend file "base/5/16": No space left on device', "storage_full"),
        ('could not extend file "base/5/16": wrote only 4096 bytes\nHINT:  Check free disk space.', "storage_full"),
        ('could not write to file "pg_wal/xlogtemp.7": Disk quota exceeded', "storage_full"),
        ('FATAL:  database "fullmoon" does not exist', "store_missing"),
        ("the server closed the connection unsuccessfully", "store_unavailable"),
    ],
)
def test_a_disk_is_full_where_the_database_says_so_and_not_where_a_word_has_these_letters(said: str, code: str) -> None:
    refusal = unavailable(OperationalError(None, None, psycopg.OperationalError(said)))

    assert refusal is not None
    assert refusal.code == code


def test_a_database_that_hangs_and_one_that_is_not_listening_differ() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert fault(f"postgresql+psycopg://x@127.0.0.1:{port}/steward").code == "store_silent"
    assert fault(f"postgresql+psycopg://x@127.0.0.1:{port}/steward").code == "store_unreachable"


def test_a_sqlite_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    assert fault(f"sqlite:///{tmp_path}/folder.db").code == "store_unreachable"
