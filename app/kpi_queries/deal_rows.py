"""Rows of deals: opportunities and proposals, budgets, and what incentive statements paid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.read_side.reader import When
from projections.kpis import growth
from projections.kpis.incentives import payments
from projections.view import View
from projections.views import budgets, incentive_statements, opportunities, proposals
from projections.views.contract_lines import ContractLine

if TYPE_CHECKING:
    from app.kpi_queries.row_source import Load

Told = tuple[list[Any], list[ContractLine], set[str]]
"""Rows, no contract lines, and the currencies of their amounts."""


def pipeline(load: "Load") -> Told:
    """The opportunities that were open at the last instant."""
    table, last = opportunities.VIEW.table, load.end - 1
    open_ = table.c.decided_at.is_(None) | (table.c.decided_at > last)
    rows = _chosen(load, opportunities.VIEW, [table.c.identified_at <= last, open_])
    return _kept(load, growth.pipeline(rows, last))


def decided(load: "Load") -> Told:
    """The opportunities that were won or lost within the period."""
    rows = _chosen(load, opportunities.VIEW, _within(opportunities.VIEW.table.c.decided_at, load))
    return _kept(load, growth.decided(rows, load.start, load.end))


def agreed(load: "Load") -> Told:
    """The proposals that were accepted within the period."""
    rows = _chosen(load, proposals.VIEW, _within(proposals.VIEW.table.c.decided_at, load))
    return _kept(load, growth.agreements(rows, load.start, load.end))


def open_budgets(load: "Load") -> Told:
    """The budgets that were open at the last instant; what takes effect later is left out."""
    table = budgets.VIEW.table
    clauses = [*_named(load, table, "account", "currency"), table.c.state == "open"]
    clocks = When(load.end - 1, load.position, now=False)
    found, _ = load.reader.select(load.tenant_id, budgets.VIEW, clauses, clocks, order=["budget"])
    return _kept(load, found)


def paid(load: "Load") -> Told:
    """What incentive statements paid and took back within the period; of one account, only the lines about it."""
    clauses, own = _named(load, incentive_statements.VIEW.table, "currency"), load.scope.account
    found, _ = load.reader.select(load.tenant_id, incentive_statements.VIEW, clauses, load.clocks)
    return _kept(load, [row for row in payments(found, load.start, load.end) if own in (None, row.account)])


def _kept(load: "Load", told: Sequence[Any]) -> Told:
    """The rows that count: of the accounts, and in the currency, that are asked for."""
    within, currency = load.within(), load.scope.currency
    rows = [row for row in told if within(row.account) and currency in (None, row.currency)]
    return rows, [], {row.currency for row in rows if row.currency is not None}


def _chosen(load: "Load", view: View[Any], clauses: Sequence[Any]) -> list[Any]:
    """A view's rows that match, of the account that is asked for."""
    wanted = [*_named(load, view.table, "account"), *clauses]
    return load.reader.select(load.tenant_id, view, wanted, load.clocks)[0]


def _within(column: Any, load: "Load") -> list[Any]:
    return [column >= load.start, column < load.end]


def _named(load: "Load", table: Any, *names: str) -> list[Any]:
    """What the scope says, as conditions on columns of the same name."""
    return [table.c[name] == value for name in names if (value := getattr(load.scope, name)) is not None]
