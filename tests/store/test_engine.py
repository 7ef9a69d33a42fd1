"""The database itself: which ones are refused, and the errors when it cannot be used."""

import itertools
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from app.bootstrap import build
from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.domain.kernel.principal import Principal
from app.read_side.view_tables import create_tables
from app.store.engine import Database
from app.store.receipts import Receipt, Request
from app.store.schema import migrate
from app.write_side.command_envelope import CommandEnvelope
from projections import VIEWS
from tests.store.writers import renaming
from tests.support.application import Steward
from tests.support.clock import Clock
from tests.support.databases import Databases, owned


@pytest.fixture
def no_pysqlite3(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine for which `pysqlite3` has no wheel."""
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    monkeypatch.setitem(sys.modules, "pysqlite3.dbapi2", None)


def test_an_sqlite_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, no_pysqlite3: None) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 39, 4))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.39.4")

    with pytest.raises(RuntimeError, match=r"SQLite 3\.39\.4 .* 3\.40\.0 or newer"):
        Database("sqlite://")


@pytest.mark.parametrize(
    ("version", "journal"), [((3, 40, 1), "truncate"), ((3, 51, 2), "truncate"), ((3, 51, 3), "wal")]
)
def test_without_pysqlite3_the_write_ahead_log_is_used_only_where_it_is_sound(
    monkeypatch: pytest.MonkeyPatch, no_pysqlite3: None, tmp_path: Path, version: tuple[int, int, int], journal: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    database = Database(f"sqlite:///{tmp_path}/steward.db")

    with database.write("tnt_1") as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    database.close()

    assert mode == journal


def test_without_pysqlite3_a_whole_steward_writes_reads_and_rebuilds(
    monkeypatch: pytest.MonkeyPatch, no_pysqlite3: None, tmp_path: Path
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", min(sqlite3.sqlite_version_info, (3, 51, 2)))
    database = Database(f"sqlite:///{tmp_path}/steward.db", owner=True)
    migrate(database)
    create_tables(database)
    database.close()
    steward = Steward(f"sqlite:///{tmp_path}/steward.db")

    account = steward.do(OpenAccount(name="Alder", currency="EUR")).id
    head = steward.catch_up()
    compared = steward.runtime.projector.rebuild_all(steward.runtime.database, steward.tenant, VIEWS, workers=1)
    names = [row.name for row in steward.rows("accounts")]
    steward.close()

    assert account.startswith("acct_")
    assert names == ["Alder"]
    assert all(one.equal and one.position == head for one in compared)


def test_a_file_left_with_a_write_ahead_log_gets_a_rollback_journal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/steward.db"
    before = Database(url)
    with before.write("tnt_1") as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    monkeypatch.setitem(sys.modules, "pysqlite3.dbapi2", None)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))

    before.close()
    after = Database(url)
    with after.write("tnt_1") as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    after.close()

    assert mode == "truncate"


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="not a database of Steward: mysql"):
        Database("mysql://localhost/steward")


@pytest.mark.parametrize(
    "tenant", ["", "tnt'; DROP TABLE events; --", "TNT", "a" * 65, "tnt_1\n", "tnt 1", "tnt\u00e9"]
)
def test_what_is_no_tenant_opens_no_transaction(steward: Steward, tenant: str) -> None:
    for transaction in (
        steward.runtime.database.read,
        steward.runtime.database.write,
        steward.runtime.database.write_views,
    ):
        with pytest.raises(ValueError, match="not a tenant id"), transaction(tenant):
            pass


def test_a_transaction_that_fails_leaves_nothing(steward: Steward) -> None:
    with pytest.raises(ZeroDivisionError), steward.runtime.database.write(steward.tenant) as connection:
        connection.execute(
            text("INSERT INTO data_keys (tenant_id, key_id, wrapped, created_at) VALUES (:t, 'k', :b, 0)"),
            {"t": steward.tenant, "b": b""},
        )
        raise ZeroDivisionError
    with steward.runtime.database.read(steward.tenant) as connection:
        assert connection.execute(text("SELECT count(*) FROM data_keys")).scalar_one() == 0


def test_a_reader_sees_one_moment_and_cannot_write(steward: Steward) -> None:
    with steward.runtime.database.read(steward.tenant) as connection:
        query = text("SELECT head FROM ledgers WHERE tenant_id = :tenant")
        before = connection.execute(query, {"tenant": steward.tenant}).scalar_one()
        steward.do(OpenAccount(name="Meanwhile", currency="EUR"))
        assert connection.execute(query, {"tenant": steward.tenant}).scalar_one() == before
    if steward.runtime.database.postgres:
        with (
            pytest.raises(Unavailable, match="store_read_only"),
            steward.runtime.database.read(steward.tenant) as connection,
        ):
            connection.execute(text("UPDATE ledgers SET head = 0"))


def test_appends_keep_their_order_on_a_server_that_isolates_more_than_asked(databases: Databases) -> None:
    url = databases.fresh("postgresql")
    owner = Database(owned(url), owner=True)
    with owner.administer() as connection:
        connection.execute(
            text(f"ALTER DATABASE {owner.url.database} SET default_transaction_isolation = 'serializable'")
        )
    owner.close()
    steward = Steward(url)
    others = [build(steward.settings, clock=Clock()) for _ in range(3)]
    barrier = threading.Barrier(3)
    outcomes: list[Receipt] = []

    def write(number: int) -> None:
        barrier.wait()
        for at in range(10):
            command = OpenAccount(name=f"{number}-{at}", currency="EUR")
            outcomes.append(
                others[number].handler.handle(
                    CommandEnvelope(steward.tenant, Principal("test"), command, Request(f"{number}-{at}", b""))
                )
            )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    steward.close()

    assert sorted(receipt.position for receipt in outcomes) == list(range(2, 32))


def test_when_all_connections_are_taken_it_says_so_and_recovers(steward: Steward) -> None:
    database = steward.runtime.database
    database.reader.pool._timeout = 0.05  # type: ignore[attr-defined]
    taken = [database.reader.connect() for _ in range(steward.settings.pool_size * 2)]

    with pytest.raises(Unavailable) as refusal:
        steward.runtime.log.head(steward.tenant)
    for connection in taken:
        connection.close()

    assert (refusal.value.code, refusal.value.members) == ("store_busy", {"retry_after": 1})
    assert steward.runtime.log.head(steward.tenant) == 1


def test_a_database_that_is_not_there_is_unavailable(databases: Databases) -> None:
    nowhere = Database(f"postgresql+psycopg://postgres@/steward?host={databases.folder}/nowhere")
    with pytest.raises(Unavailable, match="store_unreachable"), nowhere.read("tnt_1"):
        pass
    nowhere.close()


def test_a_full_disk_has_a_code_of_its_own_nothing_is_lost_and_it_recovers(sqlite_steward: Steward) -> None:
    """SQLite's own limit of pages stands for the disk."""
    database = sqlite_steward.runtime.database
    with database.administer() as connection:
        limit = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 20

    def small(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit}")

    event.listen(database.writer, "connect", small)
    database.writer.dispose()
    stored = 0
    with pytest.raises(Unavailable, match="storage_full"):
        for stored in itertools.count():
            sqlite_steward.do(OpenAccount(name="x" * 200, currency="EUR"), key=f"{stored}")
    assert (
        sqlite_steward.runtime.log.recorder(sqlite_steward.tenant).count()
        == sqlite_steward.runtime.log.head(sqlite_steward.tenant)
        == stored + 1
    )

    event.remove(database.writer, "connect", small)
    database.writer.dispose()
    assert sqlite_steward.do(OpenAccount(name="x" * 200, currency="EUR"), key=f"{stored}").position == stored + 2


def test_a_key_that_no_index_can_hold_is_that_commands_own_fault(databases: Databases) -> None:
    steward = Steward(databases.fresh("postgresql"))
    endless = "".join(chr(0x4E00 + number * 37 % 20_000) for number in range(4000))
    append = renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 1, endless)
    fine = renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 1, "fine")

    with pytest.raises(DBAPIError, match="index row"):
        steward.runtime.committer.submit([append]).result(timeout=60)
    assert isinstance(steward.runtime.committer.submit([fine]).result(timeout=60)[0], Receipt)
    steward.close()


def test_of_two_transactions_that_wait_for_each_other_one_is_told_to_try_again(databases: Databases) -> None:
    steward = Steward(databases.fresh("postgresql"))
    database, both_hold = steward.runtime.database, threading.Barrier(2)
    insert = text("INSERT INTO data_keys VALUES (:tenant, :key, '', 0) ON CONFLICT DO NOTHING")

    def take(first: str, second: str) -> str:
        try:
            with database.write(steward.tenant) as connection:
                connection.execute(insert, {"tenant": steward.tenant, "key": first})
                both_hold.wait(10)
                connection.execute(insert, {"tenant": steward.tenant, "key": second})
        except Unavailable as refusal:
            return refusal.code
        return "stored"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(take, ("one", "two"), ("two", "one")))
    steward.close()

    assert sorted(answers) == ["store_busy", "stored"]
