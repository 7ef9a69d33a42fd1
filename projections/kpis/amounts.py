"""Amounts: renewals, forecasts, deals, budgets and payments of several currencies converted into one, exactly.

All amounts of a figure are converted at the rates of one instant: the last one before its period, or that of its point.
So a ratio compares like with like, and no rate moves it.

Source: docs/kpis.md, money of several currencies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from projections.kpis.conversion import Exchange, common_denominator, parts_of
from projections.kpis.row_types import row_type


def in_one(rows: Sequence[Any], at: int, exchange: Exchange) -> tuple[list[Any], int]:
    """Rows in one currency at an instant's rates, and how many of their integers make one of the usual ones.

    Raises: Invalid where there is no rate for a currency and a day.
    """
    currencies = sorted({name for row in rows if (name := currency_of(row)) is not None})
    rates = {name: exchange.rate(name, at) for name in currencies}
    scale_factor = common_denominator(rates.values())
    factors = {name: parts_of(rate, scale_factor) for name, rate in rates.items()}
    return [_exchanged(row, exchange.currency, factors) for row in rows], scale_factor


def currency_of(row: Any) -> str | None:
    """The currency of a row's amounts; None where it has none yet."""
    parts = row_type(row).parts
    currency: str | None = (getattr(row, parts[0]) if parts else row).currency
    return currency


def _exchanged(row: Any, currency: str, factors: Mapping[str, int]) -> Any:
    kind = row_type(row)
    if kind.parts:
        parts = {name: part for name in kind.parts if (part := getattr(row, name)) is not None}
        return _with(row, {name: _exchanged(part, currency, factors) for name, part in parts.items()})
    if row.currency is None:
        return row
    factor = factors[row.currency]
    amounts = {name: amount for name in kind.amounts if (amount := getattr(row, name)) is not None}
    return _with(row, {**{name: amount * factor for name, amount in amounts.items()}, "currency": currency})


def _with(row: Any, changes: Mapping[str, Any]) -> Any:
    return row._replace(**changes) if hasattr(row, "_replace") else replace(row, **changes)
