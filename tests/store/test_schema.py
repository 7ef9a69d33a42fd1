"""The schema: made by Alembic alone, and refused by name when it is not the one this code was written for."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from app.bootstrap import build
from app.read_side.view_tables import create_tables
from app.settings import Settings
from app.store.engine import Database
from app.store.schema import SchemaOutdated, migrate, require_head
from app.store.tables import metadata
from projections import VIEWS
from tests.support.application import KEY, Steward
from tests.support.databases import Databases


def differences(connection: Connection) -> list[object]:
    """What Alembic would still have to do; the tables of views are not its business."""

    def ours(_thing: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
        return not (kind == "table" and reflected and name not in metadata.tables)

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, metadata))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, databases: Databases) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{databases.folder}/empty-{request.node.name}.db".replace("[", "-").replace("]", "")
    url = databases.fresh("postgresql")
    owner = Database(url, owner=True)
    with owner.administer() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    owner.close()
    return url


def test_migrations_and_tables_say_the_same(steward: Steward) -> None:
    owner = Database(steward.settings.database_url, owner=True)
    with owner.administer() as connection:
        assert differences(connection) == []
        connection.execute(text("ALTER TABLE inbox DROP COLUMN code"))
        assert differences(connection) != []
    owner.close()


def test_an_empty_database_is_refused_by_name_until_it_is_migrated(empty: str) -> None:
    with pytest.raises(SchemaOutdated) as refusal:
        build(Settings(database_url=empty, vault_key=KEY))
    assert refusal.value.code == "schema_outdated"
    assert "run `steward migrate`" in str(refusal.value)

    owner = Database(empty, owner=True)
    revision = migrate(owner)
    create_tables(owner)
    assert migrate(owner) == revision
    create_tables(owner)
    with owner.administer() as connection:
        assert {view.follower for view in VIEWS} <= set(inspect(connection).get_table_names())
        assert differences(connection) == []
    owner.close()

    runtime = build(Settings(database_url=empty, vault_key=KEY))
    assert runtime.log.tenants() == {}
    runtime.close()


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_an_older_and_a_newer_schema_are_refused_by_name(steward: Steward, revision: str) -> None:
    owner = Database(steward.settings.database_url, owner=True)
    with owner.administer() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    owner.close()

    with pytest.raises(SchemaOutdated, match=f"the database is at {revision}"):
        require_head(steward.runtime.database)


def test_migrating_a_filled_database_again_changes_nothing(steward: Steward) -> None:
    before = steward.runtime.log.after(steward.tenant, 0, 10)
    owner = Database(steward.settings.database_url, owner=True)
    migrate(owner)
    owner.close()
    assert steward.runtime.log.after(steward.tenant, 0, 10) == before
