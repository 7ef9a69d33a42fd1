"""Rows of a view in SQL: those of a tenant that were the truth at a position, in an order, behind a given row."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from app.domain.kernel.errors import Unavailable
from app.domain.kernel.values import FOREVER
from projections.view import Condition, View


def matching(
    view: View[Any], tenant_id: str, conditions: Sequence[Condition], position: int, *, newest: bool
) -> Select[Any]:
    """The rows that match. Takes: `newest`, whether the position is the newest that the table has."""
    table = view.table
    query = select(*view.columns).where(table.c.tenant_id == tenant_id, *conditions)
    if not view.history:
        return query
    if newest:
        return query.where(table.c.pos_to == FOREVER)
    return query.where(table.c.pos_from <= position, table.c.pos_to > position)


def one_of(view: View[Any], member: str, values: Sequence[Any]) -> Condition:
    """Rows of which a member is one of some values; None is that it has none."""
    column, named = view.table.c[member], [value for value in values if value is not None]
    return column.in_(named) if len(named) == len(values) else or_(column.is_(None), column.in_(named))


def bounded(view: View[Any], member: str, bound: str, begins: Any, ends: Any) -> Condition:
    """Rows of which a member is `gte`, `gt`, `lte` or `lt` a value. Takes: where the value begins and ends, as a day does."""
    column = view.table.c[member]
    bounds: dict[str, Condition] = {
        "gte": column >= begins,
        "gt": column >= ends,
        "lte": column < ends,
        "lt": column < begins,
    }
    return bounds[bound]


def fetch_rows(view: View[Any], connection: Connection, query: Select[Any]) -> list[Any]:
    """The rows of a query, each as the view's row. Raises: Unavailable where one cannot be read any more."""
    try:
        return [view.row(*stored) for stored in connection.execute(query)]
    except ValueError as error:
        damaged = f"a row of {view.name} cannot be read any more; `steward rebuild {view.name}` writes it again"
        raise Unavailable("view_damaged", damaged) from error


def behind(columns: Sequence[Any], values: Sequence[Any], *, descending: bool) -> Condition:
    """Rows behind the one that has these values in the columns of the order; empty values come last either way."""
    cases = []
    for index, (column, value) in enumerate(zip(columns, values, strict=False)):
        if value is None:
            continue
        equal = [_same(*pair) for pair in zip(columns[:index], values, strict=False)]
        further = column < value if descending else column > value
        cases.append(and_(*equal, or_(further, column.is_(None)) if column.nullable else further))
    return or_(*cases)


def _same(column: Any, value: Any) -> ColumnElement[bool]:
    same: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return same


def ordered(column: Any, *, descending: bool) -> Any:
    """A column as a part of an order; empty values come last either way."""
    return column.desc().nulls_last() if descending else column.asc().nulls_last()


def sort_rows(rows: list[Any], members: Sequence[str], *, descending: bool) -> list[Any]:
    """Rows in the order in which the database gives them."""
    for member in reversed(members):
        filled = [row for row in rows if getattr(row, member) is not None]
        empty = [row for row in rows if getattr(row, member) is None]
        rows = sorted(filled, key=attrgetter(member), reverse=descending) + empty
    return rows
