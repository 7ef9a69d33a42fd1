"""Row sources: for each kind of row one object with its views, its loading, its conversion and its sums in SQL.

Lives here: a file per kind of row, and the registry of all of them.
May import: the reader, the views' row types, `projections.kpis`, `app.kpi_queries.sql`.
To add a kind of row: a member of `projections.kpis.base.RowKind`, a `RowSource` in a file here, one line below.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.kpi_queries.query import kpi_of
from app.kpi_queries.sources import (
    account_movements,
    account_weights,
    cohorts,
    commitments,
    deals,
    forecasts,
    lifetimes,
    renewals,
    scope_changes,
)
from app.kpi_queries.sources.base import RowSource
from projections.kpis.base import Kpi, RowKind
from projections.view import View
from projections.views import policies, policy_rules, portfolios

SOURCES: Final[Mapping[RowKind, RowSource]] = {
    RowKind.ACCOUNT_MOVEMENTS: account_movements.SOURCE,
    RowKind.ACCOUNT_WEIGHTS: account_weights.SOURCE,
    RowKind.COMMITMENTS: commitments.SOURCE,
    RowKind.LIFETIMES: lifetimes.SOURCE,
    RowKind.COHORTS: cohorts.SOURCE,
    RowKind.RENEWALS: renewals.SOURCE,
    RowKind.FORECAST_OUTLOOKS: forecasts.OUTLOOKS,
    RowKind.FORECAST_PREDICTIONS: forecasts.PREDICTIONS,
    RowKind.SCOPE_CHANGES: scope_changes.SOURCE,
    RowKind.OPEN_OPPORTUNITIES: deals.OPEN_OPPORTUNITIES,
    RowKind.DECIDED_OPPORTUNITIES: deals.DECIDED_OPPORTUNITIES,
    RowKind.ACCEPTED_PROPOSALS: deals.ACCEPTED_PROPOSALS,
    RowKind.OPEN_BUDGETS: deals.OPEN_BUDGETS,
    RowKind.INCENTIVE_PAYMENTS: deals.INCENTIVE_PAYMENTS,
}


def views_of(name: str) -> tuple[View[Any], ...]:
    """The views that a KPI is read from: those of its rows, of whose an account is, and of the rules. Raises: NotFound."""
    return (*SOURCES[kpi_of(name).reads].views, portfolios.VIEW, policies.VIEW, policy_rules.VIEW)


def takes_currency(kpi: Kpi) -> bool:
    """Whether a KPI's rows can be narrowed to a currency, or converted."""
    return SOURCES[kpi.reads].has_currency
