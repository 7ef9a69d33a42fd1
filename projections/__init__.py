"""Projections: views and KPIs, which can be rebuilt from the log at any time.

Lives here: `views/`, one file per view with its row, its folds, its table and its queries; `kpis/`, the definitions of KPIs; `view`,
what a view is, and what several views share.
May import: events, `recorded` and the arithmetic of `app.domain`, SQLAlchemy for tables and conditions.
To add a view: see the table of CONTRIBUTING; no migration.
"""

from typing import Any, Final

from projections.view import View
from projections.views import (
    account_access,
    accounts,
    agents,
    api_keys,
    budget_forecasts,
    budget_spends,
    budgets,
    closures,
    contract_lines,
    contracts,
    forecasts,
    handovers,
    incentive_statements,
    interactions,
    issuers,
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
    suggestions,
    teams,
    timeline,
    users,
    webhook_endpoints,
)

VIEWS: Final[tuple[View[Any], ...]] = (
    accounts.VIEW,
    portfolios.VIEW,
    handovers.VIEW,
    account_access.VIEW,
    closures.VIEW,
    contracts.VIEW,
    contract_lines.VIEW,
    run_rates.VIEW,
    renewals.VIEW,
    scope_changes.VIEW,
    interactions.VIEW,
    timeline.VIEW,
    api_keys.VIEW,
    users.VIEW,
    teams.VIEW,
    agents.VIEW,
    suggestions.VIEW,
    webhook_endpoints.VIEW,
    issuers.VIEW,
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
