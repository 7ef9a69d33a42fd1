"""Tenants are strangers: on PostgreSQL the database itself says so, by roles, policies and grants."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Integer, LargeBinary, MetaData, create_engine, insert, text

from app.domain.account.commands import OpenAccount
from app.store import sqlite
from app.store.engine import APP_ROLE, DIRECTORY_ROLE
from projections import VIEWS
from tests.support.application import Steward
from tests.support.databases import LOGIN, OWNER, Databases, driver_url, owned, superuser

FOR_EVER = ("events", "receipts", "refs")
SHARED = {"ledgers", "tenants", "endpoints", "issuers", "positions"}
"""What the directory role may read across tenants: heads, and whose an address or an issuer of tokens is; no business."""


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh("postgresql")


@pytest.fixture
def tenants(url: str) -> Iterator[tuple[str, str]]:
    """Two tenants with a row each in every table."""
    steward = Steward(url)
    steward.do(OpenAccount(name="Canary", currency="EUR", external_ref="canary"))
    steward.catch_up()
    other = steward.new_tenant("Other")
    _fill(url, [steward.tenant, other])
    yield steward.tenant, other
    steward.close()


@pytest.fixture
def catalogue(url: str, tenants: tuple[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """The database as its superuser sees it."""
    with psycopg.connect(superuser(url), autocommit=True) as connection:
        yield connection


def _fill(url: str, tenants: list[str]) -> None:
    engine, tables = create_engine(owned(url)), MetaData()
    with engine.begin() as connection:
        tables.reflect(connection)
        for table, tenant in itertools.product(tables.sorted_tables, tenants):
            held = f"SELECT count(*) FROM {table.name} WHERE tenant_id = :tenant"
            if "tenant_id" in table.c and not connection.execute(text(held), {"tenant": tenant}).scalar_one():
                row = {column.name: _value(column.type, tenant) for column in table.columns}
                connection.execute(insert(table).values(row | {"tenant_id": tenant}))
    engine.dispose()


def _value(kind: Any, tenant: str) -> Any:
    for types, value in (((BigInteger, Integer), 1), (LargeBinary, b"x"), (Boolean, True), (JSON, {})):
        if isinstance(kind, types):
            return value
    return f"of {tenant}"


def tenant_tables(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND a.attname = 'tenant_id' AND n.nspname = 'public' ORDER BY 1"
    ).fetchall()
    return [name for (name,) in rows]


def test_every_table_with_a_tenant_is_known_and_every_other_is_not_ours(catalogue: psycopg.Connection[Any]) -> None:
    everything = {name for (name,) in catalogue.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    tables = set(tenant_tables(catalogue))

    assert everything - tables == {"alembic_version", "root_key"}
    assert tables >= {*FOR_EVER, *SHARED, "data_keys", "secrets", "inbox"}
    assert tables >= {view.follower for view in VIEWS}


def test_every_table_with_a_tenant_has_its_policy_for_reading_and_writing_and_none_binds_the_owner(
    catalogue: psycopg.Connection[Any],
) -> None:
    secured = {
        name: (on, also_owner)
        for name, on, also_owner in catalogue.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r'"
        )
    }
    policies = catalogue.execute(
        "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies"
    ).fetchall()
    own = "(tenant_id = steward_tenant())"

    for table in tenant_tables(catalogue):
        mine = {name: rest for of, name, *rest in policies if of == table}
        assert secured[table] == (True, False), table
        assert mine.pop("tenant") == ["PERMISSIVE", ["public"], "ALL", own, own], table
        assert mine == (
            {"directory": ["PERMISSIVE", [DIRECTORY_ROLE], "SELECT", "true", None]} if table in SHARED else {}
        )


def test_every_unique_index_leads_with_the_tenant(catalogue: psycopg.Connection[Any]) -> None:
    leading = catalogue.execute(
        "SELECT t.relname, i.relname, a.attname FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid "
        "JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0] "
        "JOIN pg_namespace n ON n.oid = t.relnamespace WHERE x.indisunique AND n.nspname = 'public'"
    ).fetchall()

    wrong = [
        (table, index)
        for table, index, column in leading
        if column != "tenant_id" and table not in ("alembic_version", "root_key")
    ]
    assert wrong == []
    assert len(leading) > len(tenant_tables(catalogue))


def test_the_application_owns_nothing_and_cannot_step_over_a_policy(catalogue: psycopg.Connection[Any]) -> None:
    for role in (APP_ROLE, DIRECTORY_ROLE):
        rights = catalogue.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication FROM pg_roles "
            "WHERE rolname = %s",
            [role],
        ).fetchone()
        owned = catalogue.execute(
            "SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = %s AND d.deptype = 'o'",
            [role],
        ).fetchone()
        assert rights == (False,) * 6
        assert owned == (0,)
    inherits = catalogue.execute("SELECT pg_has_role(%s, %s, 'USAGE')", [APP_ROLE, DIRECTORY_ROLE]).fetchone()
    assert inherits == (False,), "else it would see across tenants without asking"


def test_who_logs_in_is_no_superuser_owns_nothing_and_is_bound_by_the_policies(
    url: str, catalogue: psycopg.Connection[Any], tenants: tuple[str, str]
) -> None:
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        row = connection.execute(
            "SELECT session_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = session_user"
        )
        login, *rights = row.fetchone() or ()
        assert (login, rights) == (LOGIN, [False, False])
        for table in tenant_tables(catalogue):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
            with connection.transaction():
                connection.execute(f"SET LOCAL app.tenant = '{tenants[0]}'")
                seen = connection.execute(f"SELECT DISTINCT tenant_id FROM {table}").fetchall()
            assert seen == [(tenants[0],)] or table in SHARED, table
    owners = {
        name for (name,) in catalogue.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    }
    assert owners == {OWNER}


def test_the_application_may_add_to_history_and_not_change_it(catalogue: psycopg.Connection[Any]) -> None:
    def may(right: str, table: str, role: str = APP_ROLE) -> bool:
        row = catalogue.execute("SELECT has_table_privilege(%s, %s, %s)", [role, table, right]).fetchone()
        return bool(row and row[0])

    for table in tenant_tables(catalogue):
        granted = {
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if may(right, table)
        }
        changes = set() if table in FOR_EVER else {"UPDATE", "DELETE"}
        if table == "reads":  # what was read is never said otherwise; it goes when its time is over
            changes = {"DELETE"}
        assert granted == {"SELECT", "INSERT"} | changes, table
        assert may("SELECT", table, DIRECTORY_ROLE) == (table in SHARED), table
        assert not may("INSERT", table, DIRECTORY_ROLE), table


def test_a_forgotten_tenant_is_an_error_and_not_an_empty_answer(
    url: str, catalogue: psycopg.Connection[Any], tenants: tuple[str, str]
) -> None:
    def ask(connection: psycopg.Connection[Any], table: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"app\.tenant is not set"):
            connection.execute(f"SELECT count(*) FROM {table}")

    with psycopg.connect(superuser(url), autocommit=True) as connection:
        connection.execute(f"SET ROLE {APP_ROLE}")
        for table in tenant_tables(catalogue):
            ask(connection, table)
        for table in tenant_tables(catalogue):  # as a pool hands a session on after another's transaction
            with connection.transaction():
                connection.execute(f"SET LOCAL app.tenant = '{tenants[0]}'")
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() != (0,), table
            ask(connection, table)


def test_no_row_of_another_tenant_can_be_seen_changed_or_written(
    url: str, catalogue: psycopg.Connection[Any], tenants: tuple[str, str]
) -> None:
    me, other = tenants
    with psycopg.connect(superuser(url), autocommit=True) as connection:
        connection.execute(f"SET ROLE {APP_ROLE}")
        for table in tenant_tables(catalogue):
            columns = [column.name for column in catalogue.execute(f"SELECT * FROM {table} LIMIT 0").description or ()]
            copied = ", ".join("%(other)s" if column == "tenant_id" else f'"{column}"' for column in columns)
            with connection.transaction():
                connection.execute(f"SET LOCAL app.tenant = '{me}'")
                seen = connection.execute(f"SELECT DISTINCT tenant_id FROM {table}").fetchall()
                assert seen == [(me,)], table
                if table not in FOR_EVER:
                    assert connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [other]).rowcount == 0, table
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
                connection.transaction(),
            ):
                connection.execute(f"SET LOCAL app.tenant = '{me}'")
                connection.execute(f"INSERT INTO {table} SELECT {copied} FROM {table}", {"other": other})


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET actor = 'somebody else'", "DELETE FROM events", "TRUNCATE events"]
)
def test_not_even_the_owner_changes_history_on_postgresql(catalogue: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="events are for ever"):
        catalogue.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE events SET actor = 'somebody else'", "DELETE FROM events"])
def test_nobody_changes_history_on_sqlite(sqlite_steward: Steward, statement: str) -> None:
    driver = sqlite.driver()

    connection = driver.connect(sqlite_steward.runtime.database.url.database)
    with pytest.raises(driver.IntegrityError, match="events are for ever"):
        connection.execute(statement)
    connection.close()


def test_twenty_tenants_on_two_connections_see_only_themselves(database_url: str) -> None:
    steward = Steward(database_url, pool_size=1)
    tenants = [steward.new_tenant(f"Tenant {number}") for number in range(20)]
    accounts = {tenant: steward.do(OpenAccount(name=tenant, currency="EUR"), tenant=tenant).id for tenant in tenants}

    def look(number: int) -> bool:
        tenant = tenants[number % 20]
        seen = steward.runtime.log.after(tenant, 0, 10)
        return [event.tenant_id for event in seen] == [tenant] * 2 and seen[1].stream_id == accounts[tenant]

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(look, range(600)))
    steward.close()
