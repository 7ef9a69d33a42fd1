"""Alembic's way to the database: on a connection that the caller passes, or on a URL from the command line."""

from alembic import context
from sqlalchemy import Connection

from app.store import citus, guards
from app.store.engine import Database
from app.store.tables import metadata


def run(connection: Connection) -> None:
    """Runs the migrations on a connection, and looks after roles, policies and distribution whatever the revision."""
    context.configure(
        connection=connection, target_metadata=metadata, include_object=_ours, transaction_per_migration=False
    )
    with context.begin_transaction():
        guards.make_roles(connection)
        context.run_migrations()
        guards.guard_ledger(connection)
        citus.keep_distributed(connection)


def _ours(_thing: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    """Views' tables are not Alembic's: they are rebuilt, never migrated."""
    return not (kind == "table" and reflected and name not in metadata.tables)


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    with Database(context.get_x_argument(as_dictionary=True)["url"], owner=True).administer() as opened:
        run(opened)
