"""The garden: views and KPIs, which can be pulled up and grown again from the log at any time.

Lives here: one file per view, each with its row, its fold and its table; `kpis/` holds the figures.
May import: `events`, `recorded`, `frame`, `schedule` and `values` of `app.domain`, SQLAlchemy for tables.
To add a view: a file and one line below; no migration.
"""

from typing import Any, Final

from projections.view import View
from projections.views import (
    accounts,
    api_keys,
    budget_forecasts,
    budget_spends,
    budgets,
    contract_lines,
    contracts,
    forecasts,
    incentive_statements,
    interactions,
    kpi_certificates,
    opportunities,
    period_closes,
    policies,
    policy_rules,
    portfolios,
    proposals,
    renewals,
    run_rates,
    scope_changes,
    timeline,
    webhook_endpoints,
)

VIEWS: Final[tuple[View[Any], ...]] = (
    accounts.VIEW,
    portfolios.VIEW,
    contracts.VIEW,
    contract_lines.VIEW,
    run_rates.VIEW,
    renewals.VIEW,
    scope_changes.VIEW,
    interactions.VIEW,
    timeline.VIEW,
    api_keys.VIEW,
    webhook_endpoints.VIEW,
    budgets.VIEW,
    budget_spends.VIEW,
    budget_forecasts.VIEW,
    incentive_statements.VIEW,
    kpi_certificates.VIEW,
    period_closes.VIEW,
    policies.VIEW,
    policy_rules.VIEW,
    forecasts.VIEW,
    proposals.VIEW,
    opportunities.VIEW,
)
