"""Expansion: how much more the same accounts pay than at the start."""

from typing import Final

from projections.kpis.account_movements import AccountMovements
from projections.kpis.base import MONTHLY, Kpi, Method, Share
from projections.kpis.retention import NOBODY


def _expanded(row: AccountMovements) -> Share:
    return (row.total("expansion"), row.opening) if row.opening else (0, 0)


EXPANSION_RATE: Final = Kpi(
    name="expansion_rate",
    title="Expansion rate",
    unit="ratio",
    kind="period",
    reads="contract_lines",
    methods={
        "movement": Method("expansion / start, movements of C only", _expanded, MONTHLY, MONTHLY, NOBODY),
    },
    source="docs/kpis.md#expansion_rate",
)
