"""Weighing: the largest accounts among sums, in one currency."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Final

from app.kpi_queries.row_source import Load, of_accounts_in
from app.kpi_queries.sql import Sum
from app.kpi_queries.sql.expressions import ROOT
from projections.kpis.base import Kpi, Measure, Method
from projections.kpis.concentration import Weight, listed, weights
from projections.kpis.conversion import Exchange

_ONE: Final = Fraction(1)


def weighed(told: Sum, kpi: Kpi, method: Method, load: Load, exchange: Exchange | None) -> Measure:
    """The figure of the largest accounts. Takes: what amounts are converted by, where they are.

    Raises: Invalid where there is no rate for a currency and a day.
    """
    worth: dict[str, Fraction] = {}
    each: Mapping[str, Sum] = {"": told}
    others: list[Weight] = []
    per = 1
    if exchange is not None:
        each = {currency: one for currency, one in told.each.items() if one.paid}
        worth = {currency: exchange.worth(currency, load.end - 1) for currency in each}
        if told.several:
            rows, per = of_accounts_in(load, kpi, exchange, told.several)
            others = weights(rows, load.options)
    parts = lcm(per, *(one.denominator for one in worth.values()))
    factor = {currency: int(worth.get(currency, _ONE) * parts) for currency in each}
    found = [(annual * factor[name], account) for name, one in each.items() for annual, account in one.largest]
    found += [(row.annual * (parts // per), row.account) for row in others]
    whole = sum(one.denominator * factor[name] for name, one in each.items())
    squares = sum(_squares(one) * factor[name] ** 2 for name, one in each.items())
    accounts = sum(one.parts["accounts"] for one in each.values())
    found.sort(key=lambda one: (-one[0], one[1]))
    top = [Weight(account, annual, rank, top=True) for rank, (annual, account) in enumerate(found, 1)]
    top = top[: listed(load.options)]
    return Measure(
        replace(method, of=method.of.times(parts), over=method.over and method.over.times(parts)),
        sum(row.annual for row in top),
        whole + sum(row.annual for row in others) * (parts // per),
        tuple((row, method.share(row)) for row in top),
        {
            "accounts": accounts + len(others),
            "squares": squares + sum(row.annual**2 for row in others) * (parts // per) ** 2,
        },
        {},
        parts,
    )


def _squares(told: Sum) -> int:
    """The sum of the squares of what accounts pay."""
    part = told.parts
    return (part["above"] << 2 * ROOT) + (part["between"] << ROOT + 1) + part["below"]
