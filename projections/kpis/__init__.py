"""The instruments: pure functions of rows and a period.

Lives here: what a KPI is (`base`), the rows that figures are made of (`standings` and the views' own), one file per theme,
and how figures are written (`decimals`, `answers`). May import: the views' row types and `app.domain.kernel.values`.
To add a KPI: a `Kpi` in its theme's file, one line below, and the twins of its methods in `app.kpi_queries.sql.expressions`.
"""

from typing import Final

from projections.kpis import (
    budgets,
    cohorts,
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
    revenue.ARR_GROWTH,
    revenue.MRR_WATERFALL,
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
