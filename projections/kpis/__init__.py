"""KPIs: pure functions of rows and a period, each KPI with its methods in one place.

Lives here: what a KPI is (`base`), the rows that figures are made of (`account_movements` and the views' own), one file per
theme, the sets of policy rules (`rule_sets`), the parts of SQL expressions (`sql_expression`), and how figures are written
(`decimals`, `presentation`). May import: the views' row types and `app.domain.kernel.values`.
To add a KPI: see the table of CONTRIBUTING. `sql` and `depends_on` are for speed alone: without `depends_on` a method depends on all
policy rules, and rows are read whenever a policy differs from the default.
`tests/kpi_queries/test_every_kpi.py` holds value, explanation and pure measure of it together without further ado.
"""

from typing import Final

from projections.kpis import (
    budgets,
    cohorts,
    committed,
    concentration,
    expansion,
    forecast,
    growth,
    incentives,
    lifetimes,
    renewals,
    retention,
    revenue,
    scope,
)
from projections.kpis.base import Kpi

KPIS: Final[tuple[Kpi, ...]] = (
    retention.CLIENT_RETENTION_RATE,
    retention.NET_REVENUE_RETENTION,
    retention.GROSS_REVENUE_RETENTION,
    revenue.MRR,
    revenue.ARR,
    committed.COMMITTED_ARR,
    revenue.ARR_GROWTH,
    revenue.MRR_WATERFALL,
    revenue.CHURNED_MRR,
    retention.CUSTOMER_CHURN_RATE,
    revenue.GROSS_MRR_CHURN_RATE,
    revenue.NET_MRR_CHURN_RATE,
    revenue.QUICK_RATIO,
    revenue.ARPA,
    renewals.RENEWAL_RATE,
    scope.SCOPE_CREEP_RATIO,
    scope.ALTERNATIVE_ACCEPTANCE,
    renewals.AVAILABLE_TO_RENEW,
    renewals.REVENUE_AT_RISK,
    forecast.RENEWAL_FORECAST,
    forecast.FORECAST_ACCURACY,
    expansion.EXPANSION_RATE,
    cohorts.COHORT_RETENTION,
    lifetimes.CUSTOMER_LIFETIME_VALUE,
    concentration.CONCENTRATION,
    growth.PIPELINE_VALUE,
    growth.WIN_RATE,
    growth.CONCESSION_RATE,
    budgets.BUDGET_VARIANCE,
    incentives.INCENTIVE_TOTAL,
)
