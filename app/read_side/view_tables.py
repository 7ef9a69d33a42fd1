"""The tables of views: made where they are missing, by whoever owns the schema. A table and the positions of its view live together."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, literal, select

from app.domain.kernel.errors import Unavailable
from app.store.citus import keep_distributed
from app.store.engine import Database
from app.store.guards import guard, wait_for_others
from app.store.positions import Follower, begin_again, growing, has_grown
from app.store.schema import SchemaOutdated
from projections import VIEWS
from projections.view import View


def create_tables(owner: Database, views: Iterable[View[Any]] = VIEWS) -> None:
    """Makes the tables of views that have none yet, guards them, and distributes them where the database is distributed.

    A view whose table was made begins at 0 again for every tenant, and so do all where no table has any row: what a backup left out
    is not taken for read. Takes: a database opened as owner, or a private one in memory, which has no ledgers.
    """
    views = list(views)
    with owner.administer() as connection:
        wait_for_others(connection)
        made = [view.follower for view in views if _create(connection, view.table)]
        guard(connection, (view.follower for view in views))
        keep_distributed(connection, (view.follower for view in views))
        if not owner.owner:
            return
        if len(views) == len(VIEWS) and all(_is_empty(connection, view.table) for view in views):
            made = [view.follower for view in views]
        if made:
            begin_again(connection, made)


def _create(connection: Connection, table: Table) -> bool:
    if connection.dialect.has_table(connection, table.name):
        return False
    table.create(connection)
    return True


def _is_empty(connection: Connection, table: Table) -> bool:
    return connection.execute(select(literal(1)).select_from(table).limit(1)).first() is None


def require_tables(database: Database) -> None:
    """Raises: SchemaOutdated where the table of a view is missing, by name."""
    with database.directory() as connection:
        known = set(connection.dialect.get_table_names(connection))
    missing = sorted(view.follower for view in VIEWS if view.follower not in known)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise SchemaOutdated(
            "schema_outdated",
            f"the database has no table {missing[0]}{more}; run `steward migrate`, the views grow again",
        )


def require_grown(views: Sequence[View[Any]], stored: dict[str, Follower]) -> None:
    """Raises: Unavailable for a view whose table was made anew and has not read yet what the ledger held then."""
    for view in views:
        if not has_grown(stored, view.follower):
            at = stored.get(view.follower)
            read = f"has read {at.position} of {at.grows_to} events" if at else "has not begun to read"
            raise Unavailable("view_growing", f"{view.name} is written anew and {read}", retry_after=1)


def require_all_grown(database: Database) -> None:
    """Raises: Unavailable while a view grows for some tenant; one that stands still keeps nobody waiting."""
    names = {view.follower: view.name for view in VIEWS}
    with database.directory() as connection:
        follower = growing(connection, names)
    if follower is not None:
        raise Unavailable("view_growing", f"{names[follower]} is being written from the log", retry_after=1)
