"""Deals: opportunities, proposals, budgets, and what incentive statements paid."""

from collections.abc import Sequence
from typing import Any, Final

from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource, open_accounts
from app.read_side.clocks import When
from projections.kpis import growth
from projections.kpis.incentives import payments
from projections.views import budgets, closures, incentive_statements, opportunities, proposals


class OpenOpportunityRows(RowSource):
    """The opportunities of open accounts that were open at the last instant."""

    views = (opportunities.VIEW, closures.VIEW)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each of them, parked ones too."""
        table, last = opportunities.VIEW.table, request.context.end - 1
        undecided = table.c.decided_at.is_(None) | (table.c.decided_at > last)
        own = request.narrowed(table, "account")
        rows = request.select(opportunities.VIEW, [*own, table.c.identified_at <= last, undecided])
        return _in_scope(request, _of_open_accounts(request, growth.pipeline(rows, last)))


class DecidedOpportunityRows(RowSource):
    """The opportunities that were won or lost within the period."""

    views = (opportunities.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each of them."""
        table, context = opportunities.VIEW.table, request.context
        rows = request.select(
            opportunities.VIEW, [*request.narrowed(table, "account"), *_within(table.c.decided_at, request)]
        )
        return _in_scope(request, growth.decided(rows, context.start, context.end))


class AcceptedProposalRows(RowSource):
    """The proposals that were accepted within the period."""

    views = (proposals.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each of them."""
        table, context = proposals.VIEW.table, request.context
        rows = request.select(
            proposals.VIEW, [*request.narrowed(table, "account"), *_within(table.c.decided_at, request)]
        )
        return _in_scope(request, growth.agreements(rows, context.start, context.end))


class OpenBudgetRows(RowSource):
    """The budgets of open accounts that were open at the last instant; what takes effect later is left out."""

    views = (budgets.VIEW, closures.VIEW)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each of them."""
        table = budgets.VIEW.table
        clauses = [*request.narrowed(table, "account", "currency"), table.c.state == "open"]
        clocks = When(request.context.end - 1, request.position, now=False)
        rows, _ = request.reader.select(request.tenant_id, budgets.VIEW, clauses, clocks, order=["budget"])
        return _in_scope(request, _of_open_accounts(request, rows))


class IncentivePaymentRows(RowSource):
    """What incentive statements paid and took back within the period."""

    views = (incentive_statements.VIEW,)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each entry of a line; of one account, only of the lines about it."""
        view, account, context = incentive_statements.VIEW, request.scope.account, request.context
        statements = request.select(view, request.narrowed(view.table, "currency"))
        rows = payments(statements, context.start, context.end)
        return _in_scope(request, [row for row in rows if account in (None, row.account)])


OPEN_OPPORTUNITIES: Final = OpenOpportunityRows()
DECIDED_OPPORTUNITIES: Final = DecidedOpportunityRows()
ACCEPTED_PROPOSALS: Final = AcceptedProposalRows()
OPEN_BUDGETS: Final = OpenBudgetRows()
INCENTIVE_PAYMENTS: Final = IncentivePaymentRows()


def _in_scope(request: RowRequest, rows: Sequence[Any]) -> LoadedRows:
    """The rows of the accounts, and in the currency, of the scope."""
    within, currency = request.within(), request.scope.currency
    rows = [row for row in rows if within(row.account) and currency in (None, row.currency)]
    return LoadedRows(rows, [], {row.currency for row in rows if row.currency is not None})


def _of_open_accounts(request: RowRequest, rows: Sequence[Any]) -> list[Any]:
    """The rows of accounts that were open at the last instant."""
    is_open = open_accounts(request.reader, request.tenant_id, request.position, request.context.end - 1)
    return [row for row in rows if is_open(row.account)]


def _within(column: Any, request: RowRequest) -> list[Any]:
    return [column >= request.context.start, column < request.context.end]
