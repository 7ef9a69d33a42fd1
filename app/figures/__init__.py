"""Figures: a KPI under both clocks. Summed at one position, answered and explained.

Lives here: what may be asked (`questions`), answers and explanations (`answers`), the sums that the database makes (`sums`)
and the rows for the pure functions (`rows`). May import: the reader and what is below it, and the views.
To add a KPI: see `projections.kpis`; then its twin in `sums.twins`.
"""

from app.figures.answers import answer, explain
from app.figures.questions import FigureQuestion, Scope, views

__all__ = ["FigureQuestion", "Scope", "answer", "explain", "views"]
