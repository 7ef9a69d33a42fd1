"""The tables of views: made where they are missing, by whoever owns the schema."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table

from app.store.engine import Database
from app.store.schema import protect
from projections import VIEWS
from projections.view import View


def create_tables(owner: Database, views: Iterable[View[Any]] = VIEWS) -> None:
    """Makes the tables of views that have none yet. Takes: a database opened as owner."""
    with owner.administer() as connection:
        for view in views:
            _create(connection, view.table)


def _create(connection: Connection, table: Table) -> None:
    if not connection.dialect.has_table(connection, table.name):
        table.create(connection)
        protect(connection, table.name, rewritable=True)
