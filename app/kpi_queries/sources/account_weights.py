"""Account weights: the accounts that pay, by how much."""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Final

from app.kpi_queries.sources import account_movements
from app.kpi_queries.sources.account_movements import rows_of_accounts
from app.kpi_queries.sources.base import ConvertedRows, LoadedRows, RowRequest, RowSource, SummedFigure
from app.kpi_queries.sources.contract_lines import VIEWS
from app.kpi_queries.sql.run_rates import of_accounts
from app.kpi_queries.sql.sql_query import SqlQuery, SqlSum
from projections.kpis.base import Measure
from projections.kpis.concentration import Weight, listed, sum_of_squares, weights
from projections.kpis.conversion import Exchange
from projections.kpis.sql_expression import SqlExpression

_ONE: Final = Fraction(1)


@dataclass(frozen=True)
class WeightSums:
    """What accounts pay in all, and which pay most."""

    total: SqlSum

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure:
        """The figure of the largest accounts, in one currency."""
        needed = exchange is not None and not self.total.currencies <= {exchange.currency}
        measure = self._converted(request, exchange) if exchange is not None and needed else self._plain(request)
        return SummedFigure(measure, self.total.currencies)

    def _plain(self, request: RowRequest) -> Measure:
        return _measured(request, {"": self.total}, {}, [], 1)

    def _converted(self, request: RowRequest, exchange: Exchange) -> Measure:
        by_currency = {currency: sums for currency, sums in self.total.by_currency.items() if sums.paid}
        rates = {currency: exchange.rate(currency, request.context.end - 1) for currency in by_currency}
        others: list[Weight] = []
        scale_factor = 1
        if self.total.several:
            rows, _, scale_factor = rows_of_accounts(request, exchange, self.total.several)
            others = weights(rows, request.context.options)
        return _measured(request, by_currency, rates, others, scale_factor)


def _measured(
    request: RowRequest,
    by_currency: dict[str, SqlSum],
    rates: dict[str, Fraction],
    others: list[Weight],
    scale_factor: int,
) -> Measure:
    """The measure of sums by currency. Takes: rates by currency; accounts of several currencies, and in how many parts they count."""
    method = request.method
    parts = lcm(scale_factor, *(rate.denominator for rate in rates.values()))
    factor = {currency: int(rates.get(currency, _ONE) * parts) for currency in by_currency}
    largest = [(annual * factor[name], account) for name, one in by_currency.items() for annual, account in one.largest]
    largest += [(row.annual * (parts // scale_factor), row.account) for row in others]
    largest.sort(key=lambda one: (-one[0], one[1]))
    whole = sum(one.denominator * factor[name] for name, one in by_currency.items())
    squares = sum(sum_of_squares(one.parts) * factor[name] ** 2 for name, one in by_currency.items())
    top = [Weight(account, annual, rank, top=True) for rank, (annual, account) in enumerate(largest, 1)]
    top = top[: listed(request.context.options)]
    return Measure(
        method.in_parts(parts),
        sum(row.annual for row in top),
        whole + sum(row.annual for row in others) * (parts // scale_factor),
        shares=tuple((row, method.share(row)) for row in top),
        parts={
            "accounts": sum(one.parts["accounts"] for one in by_currency.values()) + len(others),
            "squares": squares + sum(row.annual**2 for row in others) * (parts // scale_factor) ** 2,
        },
        warnings={},
        scale_factor=parts,
    )


class AccountWeightRows(RowSource):
    """Weights of accounts, from their movements; summed from run rates."""

    views = VIEWS

    def load(self, request: RowRequest) -> LoadedRows:
        """The accounts that pay, the largest first."""
        rows, lines, currencies = account_movements.SOURCE.load(request)
        return LoadedRows(list(weights(rows, request.context.options)), lines, currencies)

    def convert(self, request: RowRequest, exchange: Exchange) -> ConvertedRows:
        """The same in one currency."""
        rows, lines, scale_factor = account_movements.SOURCE.convert(request, exchange)
        return ConvertedRows(list(weights(rows, request.context.options)), lines, scale_factor)

    def sums(self, query: SqlQuery, *, explained: bool) -> WeightSums | None:
        """The sum of all and the largest accounts. Raises: Invalid for a number of accounts that makes no sense."""
        number = listed(query.context.options)
        if explained or not isinstance(query.method.sql, SqlExpression):
            return None
        total = of_accounts(query, largest=number)
        return None if total is None else WeightSums(total)


SOURCE: Final = AccountWeightRows()
