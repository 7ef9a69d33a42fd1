"""Expansion: how much more the same accounts pay than at the start."""

from typing import Final

from projections.kpis.account_movements import AccountMovements
from projections.kpis.base import GROUPED, MONTHLY, Kpi, Method, RowKind, Share
from projections.kpis.retention import NOBODY
from projections.kpis.rule_sets import ACCOUNT_RULES
from projections.kpis.sql_expression import OPENING, SqlExpression, of_payers


def _expanded(row: AccountMovements) -> Share:
    return (row.total("expansion"), row.opening) if row.opening else (0, 0)


EXPANSION_RATE: Final = Kpi(
    name="expansion_rate",
    title="Expansion rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="expansion / start, movements of C only",
            share=_expanded,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(of_payers(amount=False, moved="total_expansion"), OPENING),
            depends_on=ACCOUNT_RULES | {"netting", "reactivation"},
        ),
    },
    source="docs/kpis.md#expansion_rate",
    options=GROUPED,
    calculation=2,
)
