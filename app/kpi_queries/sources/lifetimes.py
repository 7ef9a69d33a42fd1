"""Customer lifetimes: every account that ever paid, with all that it paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import ClassVar, Final

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sources.base import ConvertedRows, LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sources.contract_lines import VIEWS, lines_ever
from app.kpi_queries.sql.lifetimes import LifetimeTally, churned, lifetime_tally
from app.kpi_queries.sql.sql_query import SqlQuery
from projections.kpis.base import KpiContext, Measure, measure
from projections.kpis.calendar import month_of, month_start
from projections.kpis.conversion import Exchange, converted
from projections.kpis.customer_lifetimes import CustomerLifetime, Tally, customer_lifetimes, tally
from projections.kpis.lifetimes import months_of
from projections.kpis.options import cohort
from projections.kpis.sql_expression import SqlTally
from projections.views.contract_lines import ContractLine

FIRST_MONTH: Final = 12
"""The calendar's first month, counted from year 0."""


@dataclass(frozen=True)
class LifetimeSums:
    """What became of accounts; churn: how many the last months lost, of how many."""

    tally: LifetimeTally
    churn: Sequence[tuple[int, int]]

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure:
        """What accounts pay in the end, of how many, and their lifetimes counted."""
        annual, end = self.tally.annual, request.context.end
        rates = {name: exchange.rate(name, end - 1) for name in sorted(annual)} if exchange else {}
        scale_factor = lcm(*(rate.denominator for rate in rates.values()))
        measure = Measure(
            request.method.in_parts(scale_factor),
            sum(amount * int(rates.get(name, 1) * scale_factor) for name, amount in annual.items()),
            self.tally.paying,
            warnings={},
            scale_factor=scale_factor,
            tally=Tally(self.tally.accounts, self.tally.spans, end, self.churn),
        )
        return SummedFigure(measure, self.tally.currencies)


@dataclass(frozen=True)
class ClientSums:
    """What became of all accounts, to be applied to what one pays."""

    tally: Tally

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure | None:
        """What the account pays in the end, from its rows, and the lifetimes of all."""
        if exchange is None:
            rows, _, currencies = SOURCE.load(request)
            return SummedFigure(replace(measure(request.method, rows), tally=self.tally), currencies)
        rows, _, scale_factor = SOURCE.convert(request, exchange)
        own = measure(request.method, rows, scale_factor)
        return SummedFigure(replace(own, tally=self.tally), {exchange.currency})


class LifetimeRows(RowSource):
    """The lifetimes of accounts, or of a cohort's, from contract lines; counted from run rates.

    An account's own is a row, to which what became of all accounts, or of the cohort's, is applied.
    """

    views = VIEWS
    of_others: ClassVar[bool] = True

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each account that ever paid before the end."""
        lines, behind = lines_ever(request)
        rows = _of_cohort(request, lines)
        accounts, end = {row.account for row in rows}, request.context.end
        paid = (line for line in lines if line.annual and line.valid_from < end and line.account in accounts)
        currencies = {line.currency for line in paid}
        return LoadedRows(list(rows), behind, currencies)

    def convert(self, request: RowRequest, exchange: Exchange) -> ConvertedRows:
        """All at the rates of the last instant: no rate makes an account larger as it grows older."""
        lines, behind = lines_ever(request)
        paid = [line for line in lines if line.annual]
        amounts = [(line.currency, line.annual) for line in paid]
        annuals, scale_factor = converted(amounts, request.context.end - 1, exchange)
        same = [line._replace(annual=annual) for line, annual in zip(paid, annuals, strict=True)]
        same += [line for line in lines if not line.annual]
        return ConvertedRows(list(_of_cohort(request, same)), behind, scale_factor)

    def tally(self, request: RowRequest) -> Tally | None:
        """What became of all accounts of the scope, or of the cohort's, where the figure is of one of them."""
        if request.scope.account is None:
            return None
        others = replace(request, scope=replace(request.scope, account=None))
        tallied = request.method.sql
        months = months_of(request.context) if isinstance(tallied, SqlTally) and tallied.churn else ()
        return tally(_of_cohort(others, lines_ever(others)[0]), request.context.end, months)

    def sums(self, query: SqlQuery, *, explained: bool) -> LifetimeSums | ClientSums | None:
        """How long accounts stayed. Raises: Invalid for a cohort that makes no sense."""
        own, query = query.scope.account, replace(query, scope=replace(query.scope, account=None))
        joined, tallied = _joined(query.context), query.method.sql
        if explained or not isinstance(tallied, SqlTally):
            return None
        if tallied.churn and joined is not None:
            return None  # who paid in a month is summed over all accounts, not over those of a cohort
        counted = lifetime_tally(query, joined)
        churn = churned(query, months_of(query.context)) if tallied.churn else ()
        if counted is None or churn is None:
            return None
        if own is not None:
            return ClientSums(Tally(counted.accounts, counted.spans, query.context.end, churn))
        return LifetimeSums(counted, churn)


SOURCE: Final = LifetimeRows()


def _of_cohort(request: RowRequest, lines: Iterable[ContractLine]) -> list[CustomerLifetime]:
    """Every account that ever paid, or those of a cohort; one that is asked for is itself, whatever its cohort."""
    rows, months = customer_lifetimes(lines, request.context.end), cohort(request.context.options)
    return (
        rows
        if months is None or request.scope.account is not None
        else [row for row in rows if month_of(row.since, request.context.zone) in months]
    )


def _joined(context: KpiContext) -> tuple[int, int] | None:
    """Within which instants the accounts of a cohort paid for the first time."""
    months = cohort(context.options)
    return None if months is None else (_begins(months.start, context), _begins(months.stop, context))


def _begins(month: int, context: KpiContext) -> int:
    """The first instant of a month; before everything where the calendar begins later."""
    return -FOREVER if month <= FIRST_MONTH else month_start(month, context.zone)
