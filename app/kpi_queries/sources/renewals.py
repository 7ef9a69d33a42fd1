"""Renewals: the terms of contracts that fall due within a period."""

from dataclasses import dataclass, replace
from typing import Final

from app.domain.kernel.values import FOREVER
from app.kpi_queries.currency import at_spot_rates
from app.kpi_queries.currency_conversion import converted_figure
from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sql.sql_query import SqlQuery, SqlSum, columns, row_columns, sum_of
from projections.kpis.conversion import Exchange
from projections.kpis.renewals import due
from projections.kpis.sql_expression import SqlExpression
from projections.views import renewals


@dataclass(frozen=True)
class RenewalSums:
    """The sums over renewals."""

    total: SqlSum

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure | None:
        """The figure, by currency at the rates of the last instant before the period."""
        total = self.total
        if exchange is None or total.currencies <= {exchange.currency}:
            return SummedFigure(self.total.measure(request.method), total.currencies)
        if at_spot_rates(request.kpi, request.context):
            return None
        return SummedFigure(converted_figure(total, request, exchange), total.currencies)


class RenewalRows(RowSource):
    """What falls due, from the renewals view."""

    views = (renewals.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each term that falls due within the period."""
        table, context = renewals.VIEW.table, request.context
        own = [*request.narrowed(table, "account", "currency"), table.c.due != ""]
        terms = request.select(renewals.VIEW, [*own, table.c.due_at >= context.start, table.c.due_at < context.end])
        within = request.within()
        rows = [row for row in due(terms, context.start, context.end) if within(row.account)]
        return LoadedRows(rows, [], {row.currency for row in rows})

    def sums(self, query: SqlQuery, *, explained: bool) -> RenewalSums | None:
        """The sums of the method's SQL expression."""
        if explained or not isinstance(query.method.sql, SqlExpression):
            return None
        return RenewalSums(_summed(query))


SOURCE: Final = RenewalRows()


def _summed(query: SqlQuery) -> SqlSum:
    view, own, expression = renewals.VIEW, "tenant_id = :tenant_id AND due <> ''", query.expression
    conditions = " AND ".join(["due_at >= :start", "due_at < :end", *query.within()])
    conditions += " AND currency = :currency" if query.scope.currency is not None else ""
    known = "" if query.newest[view.name] else " AND pos_from <= :known"
    froms = [f"FROM {view.follower} WHERE {own} AND pos_to = {FOREVER}{known} AND {conditions}"]
    if not query.newest[view.name]:
        past = f"{own} AND pos_to < {FOREVER}"
        froms.append(query.once(view, ("due_at", *renewals.SUMMED), past, conditions))
    binds = query.binds(currency=query.scope.currency)
    rows = " UNION ALL ".join(f"SELECT {row_columns(expression)}, currency {one}" for one in froms)
    sums = f"{columns(expression)}, MIN(currency) AS first, MAX(currency) AS last"
    row = query.one(f"{query.before()}SELECT {sums} FROM ({rows}) AS given", binds)
    currencies = frozenset(name for name in (row["first"], row["last"]) if name is not None)
    if len(currencies) < 2:
        total = replace(sum_of(row).of(*currencies), paid=bool(currencies))
        return replace(total, by_currency=dict.fromkeys(currencies, total))
    sql = f"{query.before()}SELECT currency, {columns(expression)} FROM ({rows}) AS given GROUP BY currency"
    by_currency = {one["currency"]: replace(sum_of(one), paid=True) for one in query.mappings(sql, binds)}
    return replace(sum_of(row).of(*by_currency), by_currency=by_currency)
