"""The schema: brought to head by Alembic, guarded on PostgreSQL by roles and row-level security."""

from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.domain.kernel.errors import Unavailable
from app.store.engine import APP_ROLE, DIRECTORY_ROLE, Database

ROOT: Final = Path(__file__).resolve().parents[2]


class SchemaOutdated(Unavailable):
    """The database is not at the revision that this code was written for."""


def migrate(database: Database) -> str:
    """Brings the database to head. Takes: a database opened as owner. Gives: the revision.

    Raises: SchemaOutdated when the database is newer than this code.
    """
    with database.administer() as connection:
        config = Config(ROOT / "alembic.ini")
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.attributes["connection"] = connection
        _require_known(
            MigrationContext.configure(connection).get_current_revision(), ScriptDirectory.from_config(config)
        )
        command.upgrade(config, "head")
        return str(MigrationContext.configure(connection).get_current_revision())


def require_head(database: Database) -> None:
    """Raises: SchemaOutdated unless the database is at the revision that this code was written for."""
    scripts = _scripts()
    expected = scripts.get_current_head()
    try:
        with database.administer() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise SchemaOutdated(
            "schema_outdated", f"the database has no schema; run `steward migrate` ({expected})"
        ) from error
    _require_known(current, scripts)
    if current != expected:
        raise SchemaOutdated(
            "schema_outdated", f"the database is at {current}, this Steward at {expected}; run `steward migrate`"
        )


@cache
def _scripts() -> ScriptDirectory:
    """The revisions of this code. They are files that Alembic reads and runs, and the same for as long as a process lives."""
    return ScriptDirectory(str(ROOT / "migrations"))


def _require_known(current: str | None, scripts: ScriptDirectory) -> None:
    """Raises: SchemaOutdated for a revision that only a newer program can have made."""
    known = {script.revision for script in scripts.walk_revisions()}
    expected = scripts.get_current_head() or ""
    if current is not None and current not in known and current > expected:
        raise SchemaOutdated(
            "schema_newer",
            f"the database is at {current}, this Steward at {expected}: the database is newer than this program; "
            "use the Steward that it belongs to",
        )


def protect(connection: Connection, table: str, *, rewritable: bool) -> None:
    """Forces row-level security on a table with a tenant and grants the application its rights; nothing on SQLite.

    Takes: whether the application may change and remove rows.
    """
    if connection.dialect.name != "postgresql":
        return
    rights = "SELECT, INSERT, UPDATE, DELETE" if rewritable else "SELECT, INSERT"
    own = "tenant_id = steward_tenant()"
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING ({own}) WITH CHECK ({own})",
        f"GRANT {rights} ON {table} TO {APP_ROLE}",
    ):
        connection.exec_driver_sql(statement)


def open_directory(connection: Connection, table: str) -> None:
    """Lets the directory role read a table across tenants; nothing on SQLite."""
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql(f"CREATE POLICY directory ON {table} FOR SELECT TO {DIRECTORY_ROLE} USING (true)")
    connection.exec_driver_sql(f"GRANT SELECT ON {table} TO {DIRECTORY_ROLE}")
