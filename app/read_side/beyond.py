"""Beyond: the states of what goes on by itself, worked out for an instant that the table does not reach.

A view works such states out a little ahead, each time a fact is recorded. Where none was for long, a question about now finds a row that
says so, and the states are made from the facts by the view's own function, for this answer only.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, select

from app.read_side.row_queries import fetch_rows, matching
from app.read_side.view_tables import create_tables
from app.read_side.view_writer import ViewWriter
from app.store.engine import Database
from projections.view import Condition, View


def states_beyond(
    view: View[Any],
    connection: Connection,
    tenant_id: str,
    unknown: Select[Any],
    *,
    at: int,
    position: int,
    zone: ZoneInfo,
) -> list[Any]:
    """All states of the parts that are not worked out until an instant. Takes: the query for the rows that say so."""
    validity = view.validity
    marks = [] if validity is None else fetch_rows(view, connection, unknown)
    if validity is None or not marks:
        return []
    table = view.table
    groups = unknown.with_only_columns(table.c[view.group])
    query = select(*view.columns).where(
        table.c.tenant_id == tenant_id, *validity.heads(), table.c[view.group].in_(groups)
    )
    heads: dict[str, list[Any]] = {}
    for head in fetch_rows(view, connection, query):
        heads.setdefault(getattr(head, view.group), []).append(head)
    made: list[Any] = []
    for mark in marks:
        part = getattr(mark, validity.part)
        made += validity.states(heads[getattr(mark, view.group)], part, at, position, zone)
    return made


def among(
    view: View[Any],
    tenant_id: str,
    made: Sequence[Any],
    conditions: Sequence[Condition],
    order: Sequence[Any] = (),
    limit: int | None = None,
) -> list[Any]:
    """Those of rows which match, in an order."""
    memory = Database("sqlite://")
    try:
        create_tables(memory, [view])
        with memory.write_views(tenant_id) as connection:
            writer = ViewWriter(memory, view, tenant_id, ZoneInfo("UTC"))
            writer.put(made)
            writer.write(connection)
        with memory.read(tenant_id) as connection:
            query = matching(view, tenant_id, conditions, 0, newest=True)
            return fetch_rows(view, connection, query.order_by(*order).limit(limit))
    finally:
        memory.close()
