"""Account movements: what each account paid when a period opened and closed, and what moved in between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from app.kpi_queries.currency import at_spot_rates
from app.kpi_queries.currency_conversion import converted_figure
from app.kpi_queries.sources.base import ConvertedRows, LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sources.contract_lines import (
    VIEWS,
    counted_lines,
    lines_in_force,
    lines_of_accounts,
    paid_before,
)
from app.kpi_queries.sql.run_rates import contributions_of, of_accounts
from app.kpi_queries.sql.sql_query import SqlQuery, SqlSum
from projections.kpis.account_movements import AccountMovements, account_movements, movements_of
from projections.kpis.conversion import ConvertedAmounts, Exchange
from projections.kpis.presentation import Contribution
from projections.kpis.sql_expression import SqlExpression
from projections.views import contract_lines
from projections.views.contract_lines import ContractLine


@dataclass(frozen=True)
class AccountSums:
    """The sums over accounts. contributions: what each account gives, where that is explained."""

    total: SqlSum
    contributions: Sequence[Contribution] | None

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure | None:
        """The figure; None where each movement or each account has to be converted."""
        if exchange is None or self.total.currencies <= {exchange.currency}:
            return SummedFigure(self.total.measure(request.method), self.total.currencies, self.contributions)
        if self.contributions is not None or at_spot_rates(request.kpi, request.context):
            return None
        measure = converted_figure(self.total, request, exchange, rows_of_accounts)
        return SummedFigure(measure, self.total.currencies)


class AccountMovementRows(RowSource):
    """The movements of accounts, from contract lines; summed from run rates."""

    views = VIEWS

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each account that has lines, or more where it is a new client again."""
        lines, behind = counted_lines(request)
        context = request.context
        rows = movements_of(lines, context.start, context.end, context.rules, context.zone)
        return LoadedRows(rows, behind, _currencies(request, lines))

    def convert(self, request: RowRequest, exchange: Exchange) -> ConvertedRows:
        """The same, each contract at the rates of the opening and of the closing."""
        lines, behind = counted_lines(request)
        return _converted(request, exchange, lines, behind)

    def sums(self, query: SqlQuery, *, explained: bool) -> AccountSums | None:
        """The sums of the method's SQL expression."""
        if not isinstance(query.method.sql, SqlExpression):
            return None
        total = of_accounts(query)
        if total is None:
            return None
        return AccountSums(total, contributions_of(query) if explained else None)


SOURCE: Final = AccountMovementRows()


def rows_of_accounts(request: RowRequest, exchange: Exchange, accounts: Sequence[str]) -> ConvertedRows:
    """The rows of some accounts in one currency, by the rules in force."""
    return _converted(request, exchange, *lines_of_accounts(request, accounts))


def rows_behind(request: RowRequest, accounts: Sequence[str]) -> tuple[list[AccountMovements], list[ContractLine]]:
    """The rows of a few accounts by the default rules, and the contract lines behind them."""
    lines = lines_in_force(request, [contract_lines.VIEW.table.c.account.in_(accounts)])
    counting = [*lines, *paid_before(request, lines)]
    return account_movements(counting, request.context.start, request.context.end), lines


def _converted(
    request: RowRequest, exchange: Exchange, lines: Sequence[ContractLine], behind: list[ContractLine]
) -> ConvertedRows:
    context = request.context
    start, end, spot = context.start, context.end, at_spot_rates(request.kpi, context)
    amounts = ConvertedAmounts(lines, start, end, exchange, spot=spot)
    rows = movements_of(lines, start, end, context.rules, context.zone, amounts)
    return ConvertedRows(rows, behind, amounts.scale_factor)


def _currencies(request: RowRequest, lines: Iterable[ContractLine]) -> set[str]:
    """The currencies of what was paid within the period or just before."""
    start, end = request.context.start, request.context.end
    return {line.currency for line in lines if line.annual and line.valid_to >= start and line.valid_from < end}
