"""Concentration: how much of the recurring revenue hangs on the largest accounts.

Source: docs/kpis.md, concentration.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from projections.kpis.account_movements import AccountMovements
from projections.kpis.base import YEARLY, ComputedValue, Kpi, KpiContext, Measure, Method, RowKind, Share
from projections.kpis.decimals import quantity, ratio
from projections.kpis.options import count
from projections.kpis.row_type import RowType, single
from projections.kpis.rule_sets import LINE_RULES
from projections.kpis.sql_expression import CLOSING, NOTHING, PAYS, Part, SqlExpression, if_

MOST: Final = 1000
"""How many accounts a query may name."""
_TOP: Final = 10
LOW_BITS: Final = 30
"""An amount is squared in two parts, the low bits and what is above them, so that no product leaves 64 bits."""
_ABOVE: Final = f"(annual >> {LOW_BITS})"
_BELOW: Final = f"(annual & {2**LOW_BITS - 1})"
_SQL_PARTS: Final = {
    "accounts": Part(if_(PAYS, "1")),
    "above": Part(f"{_ABOVE} * {_ABOVE}"),
    "between": Part(f"{_ABOVE} * {_BELOW}"),
    "below": Part(f"{_BELOW} * {_BELOW}"),
}


def sum_of_squares(parts: Mapping[str, int]) -> int:
    """The sum of the squares of what accounts pay, from what their parts sum to."""
    return (parts["above"] << 2 * LOW_BITS) + (parts["between"] << LOW_BITS + 1) + parts["below"]


class Weight(NamedTuple):
    """An account among those that pay, by what it pays a year. rank: 1 is the largest. top: whether it is among the largest."""

    account: str
    annual: int
    rank: int
    top: bool

    def content(self, currency: str | None, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones amounts are counted."""
        return {"arr": quantity(self.annual, YEARLY.times(per), currency) if currency else None, "rank": self.rank}


WEIGHT_ROW: Final = RowType(content=single)


def listed(options: Mapping[str, str]) -> int:
    """How many accounts the query names. Raises: Invalid for a number that makes no sense."""
    return count(options, "top", MOST) or _TOP


def weights(rows: Sequence[AccountMovements], options: Mapping[str, str]) -> list[Weight]:
    """The accounts that pay, the largest first; equals by id. Raises: Invalid for a number that makes no sense."""
    top = listed(options)
    paid: dict[str, int] = {}
    for row in rows:
        paid[row.account] = paid.get(row.account, 0) + row.closing
    paying = sorted((-annual, account) for account, annual in paid.items() if annual)
    return [Weight(account, -annual, rank, rank <= top) for rank, (annual, account) in enumerate(paying, 1)]


def _top(row: Weight) -> Share:
    return row.annual if row.top else 0, row.annual


def _compute(measure: Measure, context: KpiContext) -> ComputedValue:
    """Takes: all accounts that pay, or the largest of them with how many there are and the sum of their squares."""
    rows: list[Weight] = [row for row, _ in measure.shares]
    whole, parts = measure.denominator, measure.parts
    if parts is None:
        parts = {"accounts": len(rows), "squares": sum(row.annual**2 for row in rows)}
    members = {
        "top": listed(context.options),
        "accounts": parts["accounts"],
        "herfindahl_index": ratio(Fraction(parts["squares"], whole**2)) if whole else None,
        "largest": [
            {
                "account": row.account,
                "rank": row.rank,
                "arr": quantity(row.annual, measure.method.numerator, context.currency),
                "share": ratio(Fraction(row.annual, whole)),
            }
            for row in rows
            if row.top
        ],
    }
    return ComputedValue(measure.value, members, measure.method.null_reason)


CONCENTRATION: Final = Kpi(
    name="concentration",
    title="Share of ARR of the largest accounts",
    unit="ratio",
    kind="point",
    reads=RowKind.ACCOUNT_WEIGHTS,
    methods={
        "top_share": Method(
            formula="ARR of the n largest accounts / ARR of all",
            share=_top,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason="no_recurring_revenue",
            compute=_compute,
            sql=SqlExpression(NOTHING, CLOSING, parts=_SQL_PARTS),
            depends_on=LINE_RULES,
        )
    },
    source="docs/kpis.md#concentration",
    options=frozenset({"top"}),
    calculation=2,
)
