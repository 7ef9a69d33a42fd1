"""Committed recurring revenue: what runs, what is signed and has not begun, less what is known to end."""

from typing import Any, Final, NamedTuple

from projections.kpis.base import GROUPED, YEARLY, Kpi, Method, RowKind, Share
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import LINE_RULES


class Commitment(NamedTuple):
    """What a contract is committed to at an instant, a year, in 10^-6.

    in_force: what it recurs at; ending: as much where it is known to end; not_started: what it will recur at on its first day.
    """

    contract: str
    account: str
    currency: str
    in_force: int
    not_started: int
    ending: int


def _item(row: Commitment, per: int) -> dict[str, Any]:
    scale = YEARLY.times(per)
    amounts = {name: quantity(getattr(row, name), scale, row.currency) for name in _AMOUNTS}
    return {"contract": row.contract, "currency": row.currency, **amounts}


_AMOUNTS: Final = ("in_force", "not_started", "ending")
COMMITMENT_ROW: Final = RowType(content=items(_item), streams=lambda row: (row.contract,), amounts=_AMOUNTS)


def _committed(row: Commitment) -> Share:
    return row.in_force + row.not_started - row.ending, 0


COMMITTED_ARR: Final = Kpi(
    name="committed_arr",
    title="Committed annual recurring revenue",
    unit="money",
    kind="point",
    reads=RowKind.COMMITMENTS,
    methods={
        "point_in_time": Method(
            formula="ARR + contracts signed and not started - contracts in force that are known to end",
            share=_committed,
            numerator=YEARLY,
            depends_on=LINE_RULES - {"shortest_gap_days"},
        )
    },
    source="docs/kpis.md#committed_arr",
    options=GROUPED,
    calculation=2,
)
