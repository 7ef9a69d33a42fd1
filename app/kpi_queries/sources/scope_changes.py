"""Scope changes: what became of them within a period, in hours. No row has a currency."""

from dataclasses import dataclass
from typing import ClassVar, Final

from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sql.sql_query import SqlQuery, SqlSum, columns, row_columns, sum_of
from projections.kpis.conversion import Exchange
from projections.kpis.scope import scope_change_outcomes
from projections.kpis.sql_expression import SqlExpression
from projections.views import scope_changes


@dataclass(frozen=True)
class ScopeChangeSums:
    """The sums over scope changes."""

    total: SqlSum

    def figure(self, request: RowRequest, _exchange: Exchange | None) -> SummedFigure:
        """The figure; nothing in it has a currency."""
        return SummedFigure(self.total.measure(request.method), ())


class ScopeChangeRows(RowSource):
    """Outcomes of scope changes, from their view."""

    views = (scope_changes.VIEW,)
    has_currency: ClassVar[bool] = False

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each scope change of which something happened within the period."""
        view, context, within = scope_changes.VIEW, request.context, request.within()
        changes = request.select(view, request.narrowed(view.table, "account"))
        rows = scope_change_outcomes(changes, context.start, context.end)
        return LoadedRows([row for row in rows if within(row.account)], [], set())

    def sums(self, query: SqlQuery, *, explained: bool) -> ScopeChangeSums | None:
        """The sums of the method's SQL expression.

        Each thing that can happen has an index of its own and gives a part of the outcome; shares are sums of such parts.
        """
        if explained or not isinstance(query.method.sql, SqlExpression):
            return None
        view, expression = scope_changes.VIEW, query.expression
        parts = {
            "absorbed_at": {"absorbed": "COALESCE(absorbed_hours, 0)"},
            "amended_at": {"contracted": "COALESCE(effort_hours, 0)", "estimated": "effort_hours IS NOT NULL"},
            "responded_at": {"offered": "with_alternative", "accepted": "(accepted AND closed_as IS NULL)"},
        }
        nothing = {"absorbed": "0", "contracted": "0", "estimated": "1 = 1", "offered": "1 = 0", "accepted": "1 = 0"}
        branches = []
        for at, part in parts.items():
            outcome = ", ".join(f"{value} AS {name}" for name, value in {**nothing, **part}.items())
            own = ["tenant_id = :tenant_id", query.true(view), f"{at} >= :start", f"{at} < :end", *query.within()]
            branches.append(f"SELECT {outcome} FROM {view.follower} WHERE {' AND '.join(own)}")
        outcomes = f"SELECT {row_columns(expression)} FROM ({' UNION ALL '.join(branches)}) AS outcome"
        sql = f"{query.before()}SELECT {columns(expression)} FROM ({outcomes}) AS given"
        return ScopeChangeSums(sum_of(query.one(sql, query.binds())))


SOURCE: Final = ScopeChangeRows()
