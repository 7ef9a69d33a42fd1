"""Guards of PostgreSQL: the roles, the policies of row-level security and the grants, made where they are missing. Nothing on SQLite.

A dump holds no roles, and what names them is not restored without them. So these are not a step of the migrations but are looked
after at each run of them, whatever the revision.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from app.store.engine import APP_ROLE, DIRECTORY_ROLE
from app.store.tables import TENANT_TABLES

APPEND_ONLY: Final = frozenset({"events", "receipts", "refs"})
"""Tables whose rows the application may not change and not remove."""
KEPT_FOR_A_TIME: Final = frozenset({"reads"})
"""Tables whose rows the application may not change, but remove once they are old."""
ACROSS_TENANTS: Final = ("ledgers", "tenants", "endpoints", "issuers", "positions")
"""Tables that the directory role may read across tenants: who they are, their heads, whose an address or an issuer is, how far views have
read."""
_OWN: Final = "tenant_id = steward_tenant()"


def make_roles(connection: Connection) -> None:
    """Makes the roles, and the login a member of them where it may do that itself."""
    if connection.dialect.name != "postgresql":
        return
    for role in (APP_ROLE, DIRECTORY_ROLE):
        connection.exec_driver_sql(
            f"""DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN NOINHERIT NOBYPASSRLS;
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$"""
        )
    login = connection.execute(text("SELECT quote_ident(current_user)")).scalar_one()
    connection.exec_driver_sql(
        f"""DO $$ BEGIN
            GRANT {APP_ROLE}, {DIRECTORY_ROLE} TO {login};
            GRANT {DIRECTORY_ROLE} TO {APP_ROLE};
        EXCEPTION WHEN insufficient_privilege THEN NULL; -- somebody else made the roles, and says who is a member
        END $$"""
    )
    schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {APP_ROLE}, {DIRECTORY_ROLE}")


def wait_for_others(connection: Connection) -> None:
    """Locks the schema for those who change it, until the transaction ends. On SQLite a transaction has locked the file."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE alembic_version IN EXCLUSIVE MODE")


def guard_ledger(connection: Connection) -> None:
    """Guards the tables that Alembic owns."""
    if connection.dialect.name != "postgresql":
        return
    guard(connection, (table.name for table in TENANT_TABLES))
    present = _policies(connection)
    for table in ACROSS_TENANTS:
        if (table, "directory") not in present:
            connection.exec_driver_sql(
                f"CREATE POLICY directory ON {table} FOR SELECT TO {DIRECTORY_ROLE} USING (true)"
            )
        connection.exec_driver_sql(f"GRANT SELECT ON {table} TO {DIRECTORY_ROLE}")
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {APP_ROLE}")
    connection.exec_driver_sql(f"GRANT SELECT, INSERT ON root_key TO {APP_ROLE}")
    connection.exec_driver_sql(f"GRANT SELECT ON root_key TO {DIRECTORY_ROLE}")


def guard(connection: Connection, tables: Iterable[str]) -> None:
    """Lets the application see and write only the rows of the tenant whose transaction it is. Takes: tables with a tenant.

    What is as it should be is not touched, for that would wait for everybody who reads. The owner is not bound by the policies, so that
    it can dump and repair; the application owns nothing.
    """
    if connection.dialect.name != "postgresql":
        return
    present, secured = _policies(connection), _row_security(connection)
    for table in tables:
        enabled, forced = secured[table]
        if not enabled:
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        if forced:
            connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        if (table, "tenant") not in present:
            connection.exec_driver_sql(f"CREATE POLICY tenant ON {table} USING ({_OWN}) WITH CHECK ({_OWN})")
        rights = "SELECT, INSERT"
        if table not in APPEND_ONLY:
            rights += ", DELETE" if table in KEPT_FOR_A_TIME else ", UPDATE, DELETE"
        connection.exec_driver_sql(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def _policies(connection: Connection) -> set[tuple[str, str]]:
    """The policies that there are, as (table, name)."""
    query = "SELECT tablename, policyname FROM pg_policies WHERE schemaname = current_schema()"
    return {(table, name) for table, name in connection.execute(text(query))}


def _row_security(connection: Connection) -> dict[str, tuple[bool, bool]]:
    """By table: whether row-level security is enabled, and whether it binds the owner too."""
    query = """SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"""
    return {table: (enabled, forced) for table, enabled, forced in connection.execute(text(query))}
