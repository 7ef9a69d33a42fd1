"""Staying: lives that the database has counted, as a figure of lifetimes takes them."""

from dataclasses import replace
from math import lcm

from app.kpi_queries.sql_source import Gathered
from projections.kpis.base import Measure, Method, Terms
from projections.kpis.cohorts import Paid, cells_of, granularity
from projections.kpis.conversion import Exchange
from projections.kpis.customer_lifetimes import Tally


def followed(gathered: Gathered, method: Method, terms: Terms, exchange: Exchange | None) -> Measure | None:
    """The figure of all cohorts; None where the database has not told what was paid. Raises: as `counted`."""
    if gathered.paid is None:
        return None
    names = sorted(name for name, rows in gathered.paid.items() if rows)
    worth = {name: exchange.worth(name, terms.end - 1) for name in names} if exchange else {}
    per = lcm(*(one.denominator for one in worth.values()))
    found: list[Paid] = []
    for name in names:
        factor = int(worth.get(name, 1) * per)
        rows = gathered.paid[name]
        found += rows if factor == 1 else (row._replace(annual=row.annual * factor) for row in rows)
    told = cells_of(found, terms.end, granularity(terms.options), terms.where, money=method.of.money)
    newest = {cell.first: cell for cell in told}.values()
    return Measure(
        replace(method, of=method.of.times(per), over=method.over and method.over.times(per)),
        sum(cell.value for cell in newest),
        sum(cell.opening for cell in newest),
        notes={},
        per=per,
        tally=told,
    )


def counted(gathered: Gathered, method: Method, terms: Terms, exchange: Exchange | None) -> Measure | None:
    """The figure of all lives; None where the database has not counted them.

    Raises: Invalid where there is no rate for a currency and a day.
    """
    told, churn = gathered.lasting, gathered.churn
    if told is None:
        return None
    worth = {name: exchange.worth(name, terms.end - 1) for name in sorted(told.annual)} if exchange else {}
    per = lcm(*(one.denominator for one in worth.values()))
    return Measure(
        replace(method, of=method.of.times(per), over=method.over and method.over.times(per)),
        sum(annual * int(worth.get(name, 1) * per) for name, annual in told.annual.items()),
        told.paying,
        notes={},
        per=per,
        tally=Tally(told.accounts, told.spells, terms.end, churn or ()),
    )
