"""Currency conversion: sums by currency, converted to one.

What an account of one currency gives is its sum times a rate, so that the database adds it up and only sums are converted.
Accounts that have had several currencies are netted within themselves, which the pure functions do row by row.

Source: docs/kpis.md, money of several currencies; `projections.kpis.conversion` is the definition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Final

from app.kpi_queries.sources.base import ConvertedRows, RowRequest
from app.kpi_queries.sql.sql_query import SqlSum
from projections.kpis.base import Measure, Method, Warnings, measure
from projections.kpis.conversion import Exchange
from projections.kpis.revenue import waterfall

_NOTHING: Final = Fraction(0)
LoadAccounts = Callable[[RowRequest, Exchange, Sequence[str]], ConvertedRows]
"""Loads the rows of some accounts in one currency."""


@dataclass(frozen=True)
class _Amounts:
    """A figure's sums, exact and in one currency."""

    numerator: Fraction
    denominator: Fraction
    parts: Mapping[str, Fraction]


def converted_figure(
    total: SqlSum, request: RowRequest, exchange: Exchange, load_accounts: LoadAccounts | None = None
) -> Measure:
    """The figure of sums in one currency.

    Takes: what loads the accounts of several currencies, where a source has such. Raises: Invalid where there is no rate for a
    currency and a day.
    """
    by_currency = sorted(total.by_currency.items())
    amounts = [_exchanged(one, currency, request, exchange) for currency, one in by_currency]
    warnings: Warnings = {code: sum(one.notes[code] for _, one in by_currency) for code in total.notes}
    if total.several and load_accounts is not None:
        rows, _, scale_factor = load_accounts(request, exchange, total.several)
        own = measure(request.method, rows, scale_factor)
        amounts.append(_of_rows(own, total))
        warned = request.kpi.warn(rows, measure(request.method, rows))
        warnings = {code: (count or 0) + (warned.get(code) or 0) for code, count in warnings.items()}
    return _together(amounts, total, request.method, {code: count for code, count in warnings.items() if count})


def _exchanged(sums: SqlSum, currency: str, request: RowRequest, exchange: Exchange) -> _Amounts:
    """What accounts of a currency give; a rate is only looked up where there is an amount to convert at it."""
    start, end, method = request.context.start, request.context.end, request.method
    before = exchange.rate(currency, start - 1) if sums.paid else _NOTHING
    last = exchange.rate(currency, end - 1) if sums.pays else _NOTHING
    parts = {name: part * before for name, part in sums.parts.items()}
    if parts:
        closing = sums.parts["closing"]
        parts |= {"closing": closing * last, "fx": closing * (last - before)}
    # A waterfall closes at the rates of its last instant; ratios compare at the opening's.
    rate = last if request.kpi.unit == "rows" else before
    return _Amounts(
        numerator=sums.numerator * (rate if method.numerator.money else Fraction(1)),
        denominator=sums.denominator * (before if method.denominator_money else Fraction(1)),
        parts=parts,
    )


def _of_rows(own: Measure, total: SqlSum) -> _Amounts:
    """What accounts give whose rows are in one currency already."""
    method, scale_factor = own.method, own.scale_factor
    parts = {}
    if total.parts:
        for row in waterfall([row for row, _ in own.shares]):
            parts[row.name] = Fraction(row.amount, scale_factor)
            parts[f"{row.name}_hold"] = Fraction(row.hold, scale_factor)
            parts[f"{row.name}_escalator"] = Fraction(row.escalator, scale_factor)
    return _Amounts(
        numerator=Fraction(own.numerator, scale_factor if method.numerator.money else 1),
        denominator=Fraction(own.denominator, scale_factor if method.denominator_money else 1),
        parts=parts,
    )


def _together(amounts: Sequence[_Amounts], total: SqlSum, method: Method, warnings: Warnings) -> Measure:
    """All amounts together, in as many parts as make integers of them."""
    numerator = sum((one.numerator for one in amounts), _NOTHING)
    denominator = sum((one.denominator for one in amounts), _NOTHING)
    names = dict.fromkeys([*total.parts, *(["fx"] if total.parts else [])])
    parts = {name: sum((one.parts.get(name, _NOTHING) for one in amounts), _NOTHING) for name in names}
    scale_factor = lcm(*(one.denominator for one in (numerator, denominator, *parts.values())))
    return Measure(
        method.in_parts(scale_factor),
        int(numerator * (scale_factor if method.numerator.money else 1)),
        int(denominator * (scale_factor if method.denominator_money else 1)),
        parts={name: int(part * scale_factor) for name, part in parts.items()} if parts else None,
        warnings=warnings,
        scale_factor=scale_factor,
    )
