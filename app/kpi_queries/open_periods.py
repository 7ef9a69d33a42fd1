"""Periods that are not over: how many ends that lie ahead nobody has decided yet, and count as losses until somebody does."""

from dataclasses import replace
from typing import Any, Final

from app.kpi_queries.sources import SOURCES
from app.kpi_queries.sources.base import RowRequest, SqlSums
from app.kpi_queries.sql.sql_query import SqlQuery
from projections.kpis.base import Kpi, RowKind, Warnings, measure
from projections.kpis.renewals import RENEWAL_RATE
from projections.view import View

NOT_OVER: Final = "period_not_over"
UNDECIDED: Final = "undecided_renewals"
"""The warning of renewals about those that count as lost because nobody has decided them."""
_RENEWALS: Final = SOURCES[RENEWAL_RATE.reads]
_COUNT: Final = RENEWAL_RATE.methods[RENEWAL_RATE.default]


def views_ahead(kpi: Kpi) -> tuple[View[Any], ...]:
    """The views that tell which ends lie ahead, of a figure in which an end is a loss."""
    return _RENEWALS.views if kpi.reads is RowKind.ACCOUNT_MOVEMENTS or kpi is RENEWAL_RATE else ()


def sums_ahead(query: SqlQuery, kpi: Kpi, last: int) -> SqlSums | None:
    """What the database sums of the ends after an instant; None where rows have to be read, or none counts as a loss."""
    if not views_ahead(kpi):
        return None
    context = query.context
    context = replace(context, start=max(context.start, min(last + 1, context.end)))
    return _RENEWALS.sums(replace(query, method=_COUNT, context=context), explained=False)


def warned(request: RowRequest, sums: SqlSums | None, last: int) -> Warnings:
    """The warning that a period is not over, with how many undecided ends after an instant count as losses; None where none could."""
    if not views_ahead(request.kpi):
        return {NOT_OVER: None}
    request = replace(request, kpi=RENEWAL_RATE, method=_COUNT)
    summed = None if sums is None else sums.figure(request, None)
    if summed is not None:
        found = summed.measure.warnings or {}
    else:
        rows = [row for row in _RENEWALS.load(request).rows if row.due_at > last]
        found = RENEWAL_RATE.warn(rows, measure(_COUNT, rows))
    return {NOT_OVER: found.get(UNDECIDED, 0)}
