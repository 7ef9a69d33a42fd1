"""The schema: made by Alembic alone, and refused by name when it is not the one this code was written for."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
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
from tests.support.databases import Databases, owned, superuser


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
    owner = Database(owned(url), owner=True)
    with owner.administer() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    owner.close()
    return url


def test_migrations_and_tables_say_the_same(steward: Steward) -> None:
    owner = Database(owned(steward.settings.database_url), owner=True)
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

    owner = Database(owned(empty), owner=True)
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
    owner = Database(owned(steward.settings.database_url), owner=True)
    with owner.administer() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    owner.close()

    with pytest.raises(SchemaOutdated, match=f"the database is at {revision}"):
        require_head(steward.runtime.database)


def test_migrating_a_filled_database_again_changes_nothing(steward: Steward) -> None:
    before = steward.runtime.log.after(steward.tenant, 0, 10)
    owner = Database(owned(steward.settings.database_url), owner=True)
    migrate(owner)
    owner.close()
    assert steward.runtime.log.after(steward.tenant, 0, 10) == before


# --- several at once ---


def test_of_four_that_migrate_at_once_one_does_it_and_the_others_wait(empty: str) -> None:
    def run(_number: int) -> str:
        owner = Database(owned(empty), owner=True)
        try:
            revision = migrate(owner)
            create_tables(owner)
            return revision
        finally:
            owner.close()

    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(run, range(4)))

    assert len(set(revisions)) == 1
    build(Settings(database_url=empty, vault_key=KEY)).close()


# --- what a dump does not hold ---


@pytest.mark.parametrize(
    "lost",
    [
        "DROP OWNED BY steward_app, steward_directory CASCADE",
        "DROP POLICY tenant ON receipts; REVOKE ALL ON root_key FROM steward_app",
        "ALTER TABLE refs DISABLE ROW LEVEL SECURITY; ALTER TABLE events FORCE ROW LEVEL SECURITY",
        f"DROP POLICY tenant ON {VIEWS[0].follower}; REVOKE ALL ON {VIEWS[-1].follower} FROM steward_app",
    ],
)
def test_migrating_mends_roles_policies_and_grants_whatever_the_revision(databases: Databases, lost: str) -> None:
    url = databases.fresh("postgresql")
    before = _guards(url)
    with psycopg.connect(superuser(url), autocommit=True) as connection:
        for statement in lost.split("; "):
            connection.execute(statement)
    assert _guards(url) != before

    owner = Database(owned(url), owner=True)
    migrate(owner)
    create_tables(owner)
    owner.close()

    assert _guards(url) == before
    build(Settings(database_url=url, vault_key=KEY)).close()


def _guards(url: str) -> tuple[list[Any], ...]:
    """Policies, row-level security and grants, as the catalogue has them."""
    queries = (
        "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2",
        (
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace ORDER BY 1"
        ),
        (
            "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee LIKE 'steward%' ORDER BY 1, 2, 3"
        ),
        "SELECT has_schema_privilege('steward_app', 'public', 'USAGE')",
    )
    with psycopg.connect(superuser(url)) as connection:
        return tuple(connection.execute(query).fetchall() for query in queries)
