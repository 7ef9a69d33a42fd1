"""Cohorts: every account that ever paid, in the cohort of its first payment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Final

from app.kpi_queries.sources import lifetimes
from app.kpi_queries.sources.base import ConvertedRows, LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sources.contract_lines import VIEWS
from app.kpi_queries.sql.lifetimes import paid_spans
from app.kpi_queries.sql.sql_query import SqlQuery
from projections.kpis.base import Measure
from projections.kpis.cohorts import Paid, cells_of, granularity, joined
from projections.kpis.conversion import Exchange
from projections.kpis.sql_expression import SqlTally


@dataclass(frozen=True)
class CohortSums:
    """All that was ever paid, by currency."""

    paid: Mapping[str, Sequence[Paid]]

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure:
        """The cells of all cohorts, and their newest ones summed."""
        context, method = request.context, request.method
        names = sorted(name for name, rows in self.paid.items() if rows)
        rates = {name: exchange.rate(name, context.end - 1) for name in names} if exchange else {}
        scale_factor = lcm(*(rate.denominator for rate in rates.values()))
        paid: list[Paid] = []
        for name in names:
            factor, rows = int(rates.get(name, 1) * scale_factor), self.paid[name]
            paid += rows if factor == 1 else (row._replace(annual=row.annual * factor) for row in rows)
        cells = cells_of(paid, context.end, granularity(context.options), context.zone, money=method.numerator.money)
        newest = {cell.first: cell for cell in cells}.values()
        measure = Measure(
            method.in_parts(scale_factor),
            sum(cell.value for cell in newest),
            sum(cell.opening for cell in newest),
            warnings={},
            scale_factor=scale_factor,
            tally=cells,
        )
        return SummedFigure(measure, names)


class CohortRows(RowSource):
    """Accounts in their cohorts, from lifetimes; followed from run rates."""

    views = VIEWS

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each account that ever paid before the end."""
        rows, lines, currencies = lifetimes.SOURCE.load(request)
        context = request.context
        return LoadedRows(list(joined(rows, granularity(context.options), context.zone)), lines, currencies)

    def convert(self, request: RowRequest, exchange: Exchange) -> ConvertedRows:
        """The same at the rates of the last instant."""
        rows, lines, scale_factor = lifetimes.SOURCE.convert(request, exchange)
        context = request.context
        return ConvertedRows(list(joined(rows, granularity(context.options), context.zone)), lines, scale_factor)

    def sums(self, query: SqlQuery, *, explained: bool) -> CohortSums | None:
        """All that was ever paid."""
        if explained or not isinstance(query.method.sql, SqlTally):
            return None
        paid = paid_spans(query)
        return None if paid is None else CohortSums(paid)


SOURCE: Final = CohortRows()
