"""Amounts: what renewals, forecasts, deals, budgets and payments are worth in one currency, exactly.

All amounts of a figure are converted at the rates of one instant: the last one before its period, or that of its point.
So a ratio compares like with like, and no rate moves it.

Source: docs/kpis.md, money of several currencies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from projections.kpis.conversion import Exchange, common_denominator, parts_of
from projections.kpis.forecast import Outlook, Predicted
from projections.kpis.growth import Agreement, Deal
from projections.kpis.incentives import Payment
from projections.views.budgets import Budget
from projections.views.forecasts import Forecast
from projections.views.renewals import Renewal

AMOUNTS: Final[Mapping[type, tuple[str, ...]]] = {
    Renewal: ("atr", "renewed", "co_termed", "expected"),
    Forecast: ("expected",),
    Deal: ("value",),
    Agreement: ("value", "conceded", "price"),
    Budget: ("amount", "forecast"),
    Payment: ("amount",),
}
"""The amounts of a row that figures are made of. What a renewal's products recur at is left: only their proportions count."""


def in_one(rows: Sequence[Any], at: int, exchange: Exchange) -> tuple[list[Any], int]:
    """Rows in one currency at an instant's rates, and how many of their integers make one of the usual ones.

    Raises: Invalid where there is no rate for a currency and a day.
    """
    currencies = sorted({name for row in rows if (name := currency_of(row)) is not None})
    rates = {name: exchange.rate(name, at) for name in currencies}
    scale_factor = common_denominator(rates.values())
    factors = {name: parts_of(one, scale_factor) for name, one in rates.items()}
    return [_exchanged(row, exchange.currency, factors) for row in rows], scale_factor


def currency_of(row: Any) -> str | None:
    """The currency of a row's amounts; None where nobody has said any."""
    own = row.term if isinstance(row, Outlook | Predicted) else row
    currency: str | None = own.currency
    return currency


def _exchanged(row: Any, currency: str, factors: Mapping[str, int]) -> Any:
    match row:
        case Outlook(term=term):
            return row._replace(term=_exchanged(term, currency, factors))
        case Predicted(term=term, forecast=forecast):
            converted_forecast = None if forecast is None else _exchanged(forecast, currency, factors)
            return row._replace(term=_exchanged(term, currency, factors), forecast=converted_forecast)
    if row.currency is None:
        return row
    amounts = {name: getattr(row, name) for name in AMOUNTS[type(row)]}
    changed = {
        name: amount * factors[row.currency] for name, amount in amounts.items() if amount is not None
    } | {"currency": currency}  # fmt: skip
    return replace(row, **changed) if isinstance(row, Deal | Agreement | Payment) else row._replace(**changed)
