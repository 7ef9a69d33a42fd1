"""Figures: a KPI under both clocks. Summed at one position, answered and explained.

Lives here: what may be asked (`questions`), answers and explanations (`answers`), the sums that the database makes (`sums`)
and the rows for the pure functions (`rows`). May import: the reader and what is below it, and the views.
To add a KPI: see `projections.kpis`; then its twin in `sums.twins`.
"""

from app.kpi_queries.evaluate import answer, explain
from app.kpi_queries.query import KpiQuery, Scope, views

__all__ = ["KpiQuery", "Scope", "answer", "explain", "views"]
