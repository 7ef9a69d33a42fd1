"""The tables of views: made where they are missing, by whoever owns the schema."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table

from app.store.engine import Database
from app.store.guards import guard
from app.store.schema import wait_for_others
from projections import VIEWS
from projections.view import View


def create_tables(owner: Database, views: Iterable[View[Any]] = VIEWS) -> None:
    """Makes the tables of views that have none yet, and guards them. Takes: a database opened as owner."""
    with owner.administer() as connection:
        wait_for_others(connection)
        made = [view.table for view in views]
        for table in made:
            _create(connection, table)
        guard(connection, (table.name for table in made))


def _create(connection: Connection, table: Table) -> None:
    if not connection.dialect.has_table(connection, table.name):
        table.create(connection)
