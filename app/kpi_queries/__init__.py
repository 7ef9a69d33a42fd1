"""KPI queries: a KPI under both clocks, evaluated at one position, and explained.

Lives here: the query (`query`), its evaluation in five steps (`evaluate`) and explanation (`explain`), the policies in force
(`counting_policies`), currencies (`currency`, `currency_conversion`), the sources of rows (`sources`) with their SQL (`sql`),
and what is made of evaluations: `series`, `restatement`, `forecast_changes`, `digests`.
May import: the reader and what is below it, and the views. Reads only.
To add a KPI: nothing here; see `projections.kpis`. To add a kind of row: see `app.kpi_queries.sources`.
"""

from app.kpi_queries.evaluate import evaluate, evaluate_exactly
from app.kpi_queries.explain import explain
from app.kpi_queries.query import KpiQuery, Scope, kpi_of
from app.kpi_queries.sources import takes_currency, views_of

__all__ = ["KpiQuery", "Scope", "evaluate", "evaluate_exactly", "explain", "kpi_of", "takes_currency", "views_of"]
