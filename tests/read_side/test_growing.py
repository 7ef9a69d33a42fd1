"""Views whose tables were lost: their positions are lost with them, they say that they are not there yet, and they grow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.bootstrap import build
from app.cli.status import _tenant
from app.domain.account.commands import RenameAccount
from app.domain.kernel.errors import Unavailable
from app.read_side.projector import Projector
from app.read_side.reader import Reader
from app.read_side.view_tables import create_tables, require_tables
from app.store.across import Heads
from app.store.engine import Database
from app.store.schema import SchemaOutdated, migrate
from app.worker import Worker
from projections import VIEWS
from projections.view import View
from projections.views import accounts, contract_lines
from tests.kpi_queries.history_factory import account, ask, contract
from tests.support.application import KEY, Steward
from tests.support.databases import owned
from tests.support.server import Server
from tests.support.views import BY_NAME, assert_views_are_right


def as_owner(steward: Steward, *statements: str, migrating: bool = False) -> None:
    """Statements with the rights of the schema's owner, and what `steward migrate` does."""
    owner = Database(owned(steward.settings.database_url), owner=True)
    with owner.administer() as connection:
        for statement in statements:
            connection.execute(text(statement))
    if migrating:
        migrate(owner)
        create_tables(owner)
    owner.close()


def lose(steward: Steward, views: Sequence[View[Any]], *, tables: bool = True) -> None:
    """Puts a database back from a backup that left views out: their tables, or only the rows of these."""
    emptied = "TRUNCATE" if steward.runtime.database.postgres else "DELETE FROM"
    as_owner(steward, *(f"{'DROP TABLE' if tables else emptied} {view.follower}" for view in views))


def played(steward: Steward) -> str:
    """A client with a contract, in every view. Gives: the account's id."""
    client = account(steward, "Northwind")
    contract(steward, client, "100.00")
    steward.catch_up()
    return client


def refused(question: Any, *args: Any) -> str:
    """The code with which a question is refused, with its detail."""
    with pytest.raises(Unavailable) as refusal:
        question(*args)
    assert refusal.value.members == {"retry_after": 1}
    return str(refusal.value)


@pytest.mark.parametrize("tables", [True, False])
def test_views_that_a_backup_left_out_say_so_until_they_have_grown_again(steward: Steward, tables: bool) -> None:
    client, other = played(steward), steward.new_tenant("Other")
    before, reader = ask(steward, "mrr_waterfall"), steward.runtime.reader
    lose(steward, VIEWS, tables=tables)
    as_owner(steward, migrating=True)
    head = steward.runtime.log.head(steward.tenant)

    status = _tenant(steward.runtime, steward.tenant, Heads({steward.tenant: head}, {}), {})["views"]
    assert {(view["position"], view["lag"], view["growing"]) for view in status} == {(0, head, True)}
    when = reader.when(steward.tenant)
    assert f"has read 0 of {head} events" in refused(ask, steward, "mrr_waterfall")
    assert refused(reader.one, steward.tenant, accounts.VIEW, client, when).startswith("view_growing: accounts is")
    assert refused(reader.page, steward.tenant, accounts.VIEW, when).startswith("view_growing")
    assert refused(reader.position, steward.tenant, [contract_lines.VIEW]).startswith("view_growing")
    steward.runtime.projector.catch_up(steward.tenant, until=head - 1)
    assert refused(ask, steward, "mrr_waterfall").startswith("view_growing")

    worker = Worker(steward.runtime)
    while worker.update_views():
        pass
    assert ask(steward, "mrr_waterfall") == before
    assert reader.page(steward.tenant, accounts.VIEW, when).rows[0].account == client
    assert not reader.page(other, accounts.VIEW, reader.when(other)).rows
    assert not any(
        view["growing"]
        for view in _tenant(steward.runtime, steward.tenant, Heads({steward.tenant: head}, {}), {})["views"]
    )
    assert_views_are_right(steward)


def test_a_lost_table_alone_grows_alone_and_a_new_tenant_never_waits(steward: Steward) -> None:
    client = played(steward)
    lose(steward, [accounts.VIEW])
    as_owner(steward, migrating=True)
    reader, new = steward.runtime.reader, steward.new_tenant("New")

    positions = steward.runtime.projector.positions(steward.tenant)
    assert {name for name, at in positions.items() if at == 0} == {"accounts"}
    assert refused(reader.one, steward.tenant, accounts.VIEW, client, reader.when(steward.tenant))
    assert reader.select(steward.tenant, contract_lines.VIEW, [], reader.when(steward.tenant))[0]
    assert reader.page(new, accounts.VIEW, reader.when(new)).rows == []
    steward.do(RenameAccount(name="Fabrikam"), account=client)
    steward.catch_up()
    as_owner(steward, migrating=True)  # nothing is lost any more, and nothing begins again
    assert set(steward.runtime.projector.positions(steward.tenant)) == set(BY_NAME)
    assert_views_are_right(steward)


def test_a_worker_that_has_seen_everything_finds_a_view_that_was_put_back(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.REST_SECONDS", 0)
    played(sqlite_steward)
    worker = Worker(sqlite_steward.runtime)
    worker.update_views()
    lose(sqlite_steward, [accounts.VIEW])
    as_owner(sqlite_steward, migrating=True)

    worker.update_views()

    assert_views_are_right(sqlite_steward)


def test_no_process_starts_without_the_tables_of_its_views(steward: Steward) -> None:
    lose(steward, [accounts.VIEW, contract_lines.VIEW])

    with pytest.raises(SchemaOutdated, match=rf"no table {accounts.VIEW.follower} and 1 more; run `steward migrate`"):
        build(steward.settings)
    with pytest.raises(SchemaOutdated):
        require_tables(steward.runtime.database)
    as_owner(steward, migrating=True)
    build(steward.settings).close()


# --- a new version of a view, beside the one that serves ---


def new_version(steward: Steward, view: View[Any]) -> View[Any]:
    """What `steward migrate` makes of a view whose version was raised, while processes of the old version go on."""
    newer = replace(view, version=view.version + 1)
    owner = Database(owned(steward.settings.database_url), owner=True)
    create_tables(owner, [newer])
    owner.close()
    return newer


def test_a_new_version_of_a_view_grows_beside_the_old_one_and_answers_no_sooner_than_it_has_caught_up_with_it(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.positions.UNNOTICED", 3)
    monkeypatch.setattr("app.read_side.projector.UNNOTICED", 3)
    monkeypatch.setattr("app.read_side.projector.TURN", 2)
    client, runtime = played(steward), steward.runtime
    newer = new_version(steward, accounts.VIEW)
    projector = Projector(runtime.database, runtime.log, runtime.handler.zone, runtime.clock, [newer])
    reader = Reader(runtime.database, runtime.log, projector, runtime.clock)
    migrated_at = runtime.log.head(steward.tenant)
    for number in range(9):  # the old version goes on writing and reading
        steward.do(RenameAccount(name=f"Name {number}"), account=client)
    steward.catch_up()
    when = reader.when(steward.tenant)

    assert refused(reader.one, steward.tenant, newer, client, when).startswith("view_growing")
    projector.catch_up(steward.tenant, until=migrated_at)
    assert refused(reader.one, steward.tenant, newer, client, when).startswith("view_growing")
    assert runtime.reader.one(steward.tenant, accounts.VIEW, client, when)[0].name == "Name 8"
    while projector.turn(steward.tenant, runtime.log.head(steward.tenant)).more:
        pass

    assert reader.one(steward.tenant, newer, client, when) == runtime.reader.one(
        steward.tenant, accounts.VIEW, client, when
    )


def test_a_tenant_that_the_old_version_made_after_the_new_one_migrated_is_not_answered_short(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.positions.UNNOTICED", 3)
    newer, runtime = new_version(steward, accounts.VIEW), steward.runtime
    client = played(steward)
    for number in range(4):
        steward.do(RenameAccount(name=f"Name {number}"), account=client)
    steward.catch_up()
    other = steward.new_tenant("Other")
    projector = Projector(runtime.database, runtime.log, runtime.handler.zone, runtime.clock, [newer])
    reader = Reader(runtime.database, runtime.log, projector, runtime.clock)
    with runtime.database.write(steward.tenant) as connection:
        connection.execute(text("DELETE FROM positions WHERE follower = :name"), {"name": newer.follower})

    assert "has not begun to read" in refused(reader.one, steward.tenant, newer, client, reader.when(steward.tenant))
    assert reader.page(other, newer, reader.when(other)).rows == []
    projector.catch_up(steward.tenant)
    assert reader.one(steward.tenant, newer, client, reader.when(steward.tenant))[0].name == "Name 3"


def test_a_server_is_ready_once_its_views_have_grown_and_stays_so_when_a_newer_version_migrates(
    sqlite_steward: Steward,
) -> None:
    played(sqlite_steward)
    lose(sqlite_steward, [accounts.VIEW])
    as_owner(sqlite_steward, migrating=True)
    with Server(sqlite_steward.settings.database_url, projector=False, vault_key=KEY) as server:
        growing = httpx.get(f"{server.url}/readyz")
        sqlite_steward.catch_up()
        grown = httpx.get(f"{server.url}/readyz")
        as_owner(sqlite_steward, "UPDATE alembic_version SET version_num = '0999'")
        later = httpx.get(f"{server.url}/readyz")

    assert (growing.status_code, growing.json()) == (
        503,
        {"status": "not_ready", "component": "views", "code": "view_growing"},
    )
    assert (grown.status_code, later.status_code) == (200, 200)
