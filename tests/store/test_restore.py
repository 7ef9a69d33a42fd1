"""A backup: what was acknowledged before it is in it, and a restored one serves."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from app.bootstrap import build
from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.read_side.view_tables import create_tables
from app.runtime import Runtime
from app.settings import Settings
from app.store.engine import Database
from app.store.schema import migrate
from projections.views import accounts
from tests.support.application import KEY, Steward
from tests.support.command_line import CommandLine
from tests.support.databases import Databases, driver_url, owned


@pytest.fixture
def new_cluster() -> Iterator[Databases]:
    """A PostgreSQL server that has never heard of Steward."""
    cluster = Databases()
    yield cluster
    cluster.close()


def opened(steward: Steward, number: int) -> str:
    """An account that is acknowledged."""
    return steward.do(OpenAccount(name=f"Client {number}", currency="EUR")).id


def migrated(url: str) -> None:
    """Brings a database to head, as `steward migrate` does."""
    owner = Database(owned(url), owner=True)
    migrate(owner)
    create_tables(owner)
    owner.close()


def serving(url: str) -> Runtime:
    """A runtime, as a server has one."""
    return build(Settings(database_url=url, vault_key=KEY))


# --- SQLite ---


def test_a_sqlite_file_that_is_written_to_is_copied_whole(sqlite_steward: Steward, tmp_path: Path) -> None:
    before = [opened(sqlite_steward, number) for number in range(30)]
    url, tenant, copy = sqlite_steward.settings.database_url, sqlite_steward.tenant, tmp_path / "kept" / "copy.db"
    copy.parent.mkdir()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [opened(sqlite_steward, number) for number in range(30, 130)])
        done = CommandLine(tmp_path, url).run("backup", str(copy))
        writing.result()

    assert (done.returncode, done.stderr) == (0, "")
    assert "root key is not in it" in done.stdout
    assert [path.name for path in copy.parent.iterdir()] == ["copy.db"]
    restored = serving(f"sqlite:///{copy}")
    events = [event.event_id for event in restored.log.after(tenant, 0, 1000)]
    original = sqlite_steward.runtime.log.after(tenant, 0, 1000)
    assert events == [event.event_id for event in original[: len(events)]]
    assert set(before) <= {event.stream_id for event in original[: len(events)]}
    restored.close()


def test_a_copy_is_made_of_sqlite_alone_and_never_over_another_file(
    sqlite_steward: Steward, tmp_path: Path, databases: Databases
) -> None:
    there = tmp_path / "there.db"
    there.write_bytes(b"mine")
    steward = CommandLine(tmp_path, sqlite_steward.settings.database_url)

    assert steward.refusal("backup", str(there))[1].startswith("error: file_exists: ")
    assert there.read_bytes() == b"mine"
    assert steward.refusal("backup", str(tmp_path / "no" / "copy.db"))[1].startswith("error: folder_missing: ")
    nothing = CommandLine(tmp_path, f"sqlite:///{tmp_path}/none.db").refusal("backup", str(tmp_path / "copy.db"))
    assert nothing[1].startswith("error: database_missing: ")
    elsewhere = CommandLine(tmp_path, databases.url("postgres")).refusal("backup", str(tmp_path / "copy.db"))
    assert elsewhere[1].startswith("error: backup_not_sqlite: ")
    assert [path.name for path in tmp_path.glob("*.db*")] == ["there.db"]


# --- PostgreSQL ---


def test_a_dump_by_the_owner_is_restored_into_a_new_cluster_and_serves(
    databases: Databases, new_cluster: Databases, tmp_path: Path
) -> None:
    url, dump = databases.empty("agency"), tmp_path / "steward.dump"
    databases.fresh("postgresql")  # makes the roles of this cluster
    databases.grant_roles("agency")
    migrated(url)
    steward = Steward(url)
    ids = {opened(steward, number) for number in range(3)}
    steward.catch_up()
    tenant, head = steward.tenant, steward.runtime.log.head(steward.tenant)
    steward.close()

    stranger = new_cluster.empty("stranger", rights="")
    with pytest.raises(Unavailable, match="store_roles_missing"):
        migrated(stranger)  # may create no roles, and nobody has
    subprocess.run([databases.program("pg_dump"), "-Fc", "-f", dump, driver_url(url)], check=True)
    into = new_cluster.empty("other")
    restored = subprocess.run(
        [databases.program("pg_restore"), "--no-owner", "--no-privileges", "-d", driver_url(into), dump],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 'role "steward_directory" does not exist' in restored.stderr
    with pytest.raises(Unavailable, match="run `steward migrate`"):
        serving(into)
    migrated(into)

    runtime = serving(into)
    assert runtime.log.head(tenant) == head
    runtime.projector.catch_up(tenant)
    with runtime.database.read(tenant) as connection:
        assert set(connection.scalars(select(accounts.VIEW.table.c.account))) == ids
    runtime.close()
