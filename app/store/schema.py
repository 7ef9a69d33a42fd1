"""The schema: brought to head by Alembic, and refused where it is not there."""

from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from app.domain.kernel.errors import Unavailable
from app.store.citus import complete_nodes
from app.store.engine import Database
from app.store.guards import wait_for_others

ROOT: Final = Path(__file__).resolve().parents[2]


class SchemaOutdated(Unavailable):
    """The database is not at the revision that this code was written for."""


class SchemaNewer(SchemaOutdated):
    """The database was migrated by a newer program."""


def migrate(database: Database) -> str:
    """Brings the database to head, with its roles and policies. Takes: a database opened as owner. Gives: the revision.

    Of several that try at once one does it, and the others wait. Raises: SchemaOutdated when the database is newer than this code.
    """
    complete_nodes(database)
    _make_lock(database)
    with database.administer() as connection:
        wait_for_others(connection)
        config = Config(ROOT / "alembic.ini")
        config.set_main_option("script_location", str(ROOT / "migrations"))
        config.attributes["connection"] = connection
        _require_known(
            MigrationContext.configure(connection).get_current_revision(), ScriptDirectory.from_config(config)
        )
        command.upgrade(config, "head")
        return str(MigrationContext.configure(connection).get_current_revision())


def _make_lock(database: Database) -> None:
    """Makes the table of Alembic, by which those who migrate wait for each other."""
    try:
        with database.administer() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS alembic_version "
                "(version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
            )
    except (IntegrityError, ProgrammingError):  # another one was faster; whatever else is wrong shows when it is locked
        return


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
        raise SchemaNewer(
            "schema_newer",
            f"the database is at {current}, this Steward at {expected}: the database is newer than this program; "
            "use the Steward that it belongs to",
        )
