"""Budgets: the forecast at completion compared with the budget."""

from collections.abc import Sequence
from typing import Any, Final

from projections.kpis.base import YEARLY, Kpi, Measure, Method, RowKind, Share, Warnings, counted
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import NO_RULES
from projections.views.budgets import Budget


def _item(row: Budget, per: int) -> dict[str, Any]:
    scale = YEARLY.times(per)
    return {
        "budget": row.budget,
        "currency": row.currency,
        "amount": quantity(row.amount, scale, row.currency),
        "forecast": None if row.forecast is None else quantity(row.forecast, scale, row.currency),
    }


BUDGET_ROW: Final = RowType(content=items(_item), streams=lambda row: (row.budget,), amounts=("amount", "forecast"))


def _off(row: Budget) -> Share:
    return (0, 0) if row.forecast is None else (row.forecast - row.amount, row.amount)


def _unforeseen(rows: Sequence[Budget], _measure: Measure) -> Warnings:
    return counted("budgets_without_forecast", (row for row in rows if row.forecast is None))


BUDGET_VARIANCE: Final = Kpi(
    name="budget_variance",
    title="Budget variance",
    unit="ratio",
    kind="point",
    reads=RowKind.OPEN_BUDGETS,
    methods={
        "forecast": Method(
            formula="sum of (forecast at completion - budget) / sum of budgets, of open budgets with a forecast, of open accounts",
            share=_off,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason="no_open_budget_with_a_forecast",
            depends_on=NO_RULES,
        )
    },
    warn=_unforeseen,
    calculation=2,
    source="docs/kpis.md#budget_variance",
)
