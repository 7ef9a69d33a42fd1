"""Converting: sums by currency, told in one.

What an account of one currency gives is its sum times a rate, so that the database adds it up and only sums are converted.
Accounts that have had several currencies are netted within themselves, which the pure functions do row by row.

Source: docs/kpis.md, money of several currencies; `projections.kpis.conversion` is the definition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Any, Final, NamedTuple

from app.domain.policy.rules import MetricRules
from app.kpi_queries.row_source import Load, of_accounts_in
from app.kpi_queries.sql import Sum
from projections.kpis.base import Kpi, Measure, Method, Warnings, measure
from projections.kpis.conversion import Exchange
from projections.kpis.revenue import waterfall

_NOTHING: Final = Fraction(0)


class _Rates(NamedTuple):
    """What a unit of a currency is worth at the last instant before the period, and at the last one of it."""

    before: Fraction
    last: Fraction


class _Amounts(NamedTuple):
    """A figure's sums, exact and in one currency."""

    numerator: Fraction
    denominator: Fraction
    parts: Mapping[str, Fraction]


def linear(kpi: Kpi, rules: MetricRules) -> bool:
    """Whether a figure of several currencies is made of sums by currency: not where each movement is at its own day's rate."""
    return kpi.unit != "rows" or rules.fx == "constant"


def converted(told: Sum, kpi: Kpi, method: Method, load: Load, exchange: Exchange) -> Measure:
    """The figure of sums in one currency. Raises: Invalid where there is no rate for a currency and a day."""
    amounts = [_exchanged(one, currency, kpi, method, load, exchange) for currency, one in sorted(told.each.items())]
    notes: Warnings = {code: sum(one.notes[code] for one in told.each.values()) for code in told.notes}
    if told.several:
        rows, per = of_accounts_in(load, kpi, exchange, told.several)
        amounts.append(_of_rows(measure(method, rows, per), rows, per, told, method))
        warned = kpi.warn(rows, measure(method, rows))
        notes = {code: (count or 0) + (warned.get(code) or 0) for code, count in notes.items()}
    return _whole(amounts, told, method, {code: count for code, count in notes.items() if count})


def _exchanged(told: Sum, currency: str, kpi: Kpi, method: Method, load: Load, exchange: Exchange) -> _Amounts:
    """What accounts of a currency give; a rate is only asked for where something is worth something at it."""
    before = exchange.worth(currency, load.start - 1) if told.paid else _NOTHING
    rates = _Rates(before, exchange.worth(currency, load.end - 1) if told.pays else _NOTHING)
    last = kpi.unit == "rows"  # a waterfall closes at the rates of its last instant; ratios compare at the opening's
    parts = {name: part * rates.before for name, part in told.parts.items()}
    if parts:
        closing = told.parts["closing"]
        parts |= {"closing": closing * rates.last, "fx": closing * (rates.last - rates.before)}
    money = (method.of.money, method.over is not None and method.over.money)
    return _Amounts(
        told.numerator * ((rates.last if last else rates.before) if money[0] else Fraction(1)),
        told.denominator * (rates.before if money[1] else Fraction(1)),
        parts,
    )


def _of_rows(found: Measure, rows: Sequence[Any], per: int, told: Sum, method: Method) -> _Amounts:
    """What accounts give whose rows are in one currency already. Takes: in how many parts of the usual ones they are."""
    parts: dict[str, Fraction] = {}
    if told.parts:
        for step in waterfall(rows):
            parts[step.name] = Fraction(step.amount, per)
            parts[f"{step.name}_hold"] = Fraction(step.hold, per)
            parts[f"{step.name}_escalator"] = Fraction(step.escalator, per)
    over = method.over is not None and method.over.money
    return _Amounts(
        Fraction(found.numerator, per if method.of.money else 1), Fraction(found.denominator, per if over else 1), parts
    )


def _whole(amounts: Sequence[_Amounts], told: Sum, method: Method, notes: Warnings) -> Measure:
    """All amounts together, in as many parts as make integers of them."""
    numerator = sum((one.numerator for one in amounts), _NOTHING)
    denominator = sum((one.denominator for one in amounts), _NOTHING)
    names = dict.fromkeys([*told.parts, *(["fx"] if told.parts else [])])
    parts = {name: sum((one.parts.get(name, _NOTHING) for one in amounts), _NOTHING) for name in names}
    per = lcm(*(one.denominator for one in (numerator, denominator, *parts.values())))
    over = method.over is not None and method.over.money
    scaled = replace(method, of=method.of.times(per), over=method.over and method.over.times(per))
    return Measure(
        scaled,
        int(numerator * (per if method.of.money else 1)),
        int(denominator * (per if over else 1)),
        (),
        {name: int(part * per) for name, part in parts.items()} if parts else None,
        notes,
        per,
    )
