"""Budgets: how far what is expected in all lies from what was set aside."""

from collections.abc import Sequence
from typing import Final

from projections.kpis.base import YEARLY, Kpi, Measure, Method, Share, Warnings, counted
from projections.views.budgets import Budget


def _off(row: Budget) -> Share:
    return (0, 0) if row.forecast is None else (row.forecast - row.amount, row.amount)


def _unforeseen(rows: Sequence[Budget], _measure: Measure) -> Warnings:
    return counted("budgets_without_forecast", (row for row in rows if row.forecast is None))


BUDGET_VARIANCE: Final = Kpi(
    name="budget_variance",
    title="Budget variance",
    unit="ratio",
    kind="point",
    reads="budgets",
    methods={
        "forecast": Method(
            "sum of (forecast at completion - budget) / sum of budgets, of open budgets with a forecast",
            _off,
            YEARLY,
            YEARLY,
            "no_open_budget_with_a_forecast",
        )
    },
    warn=_unforeseen,
    source="docs/kpis.md#budget_variance",
)
