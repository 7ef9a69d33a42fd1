"""Account movements in an explanation: what an account paid at the opening and at the closing, and each movement between."""

from collections.abc import Sequence
from typing import Any, Final

from app.domain.kernel.values import instant
from projections.kpis.account_movements import GAINS, LOSSES, AccountMovements
from projections.kpis.base import MONTHLY
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType


def _matters(row: AccountMovements) -> bool:
    return bool(row.opening or row.closing or row.movements)


def _content(rows: Sequence[AccountMovements], currency: str | None, per: int) -> dict[str, Any]:
    """An account has several rows where its return counts as a new client's."""
    scale = MONTHLY.times(per)

    def monthly(amount: int) -> str | None:
        return quantity(amount, scale, currency) if currency else None

    escalated = sum(row.escalated for row in rows)
    return {
        "opening": monthly(sum(row.opening for row in rows)),
        "closing": monthly(sum(row.closing_total for row in rows)),
        **{kind: monthly(sum(row.total(kind) for row in rows)) for kind in (*GAINS, *LOSSES)},
        **({"contracted_escalator": monthly(escalated)} if escalated else {}),
        "fx": monthly(sum(row.fx for row in rows)),
        "movements": [
            {
                "at": instant(movement.at),
                "kind": movement.kind,
                "amount": monthly(movement.amount),
                "of_which_hold": monthly(movement.hold),
                "of_which_contracted_escalator": monthly(movement.escalator),
            }
            for row in rows
            for movement in row.movements
        ],
    }


MOVEMENTS_ROW: Final = RowType(content=_content, matters=_matters)
