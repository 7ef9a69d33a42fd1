"""Recurring revenue: its amount, its growth, and its movements."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from projections.kpis.account_movements import GAINS, LOSSES, AccountMovements
from projections.kpis.base import COUNT, GROUPED, MONTHLY, YEARLY, Kpi, Method, RowKind, Share
from projections.kpis.retention import NOBODY
from projections.kpis.rule_sets import ACCOUNT_RULES, LINE_RULES, MOVEMENT_RULES
from projections.kpis.sharing import ENDS, GROUPS
from projections.kpis.sql_expression import (
    CLOSING,
    OPENING,
    PAYS,
    TOTAL_GAINS,
    TOTAL_LOSSES,
    Part,
    SqlExpression,
    between,
    if_,
    of_payers,
)

_WATERFALL_PARTS: Final = {
    "opening": OPENING,
    **{kind: between(f"total_{kind}") for kind in (*GAINS, *LOSSES)},
    **{name: between(name) for name in ("contraction_hold", "expansion_hold", "expansion_escalator")},
    "closing": CLOSING,
}


def _closing(row: AccountMovements) -> Share:
    return row.closing_total, 0


def _growth(row: AccountMovements) -> Share:
    return row.closing + row.escalated - row.opening, row.opening


def _per_account(row: AccountMovements) -> Share:
    return row.closing_total, int(row.closing > 0)


def _churned(row: AccountMovements) -> Share:
    return row.total("churn"), 0


def _quick(row: AccountMovements) -> Share:
    return row.total(*GAINS), row.total(*LOSSES)


def _gross_churn(row: AccountMovements) -> Share:
    return (row.total(*LOSSES), row.opening) if row.opening or row.left else (0, 0)


def _net_churn(row: AccountMovements) -> Share:
    if not (row.opening or row.left):
        return 0, 0
    return row.total(*LOSSES) - row.total("expansion", "reactivation"), row.opening


class WaterfallRow(NamedTuple):
    """A row of the waterfall, positive, a loss too. sign: whether it adds to the opening. hold, escalator: parts of it."""

    name: str
    sign: int
    amount: int
    hold: int = 0
    escalator: int = 0


def waterfall(rows: Sequence[AccountMovements]) -> list[WaterfallRow]:
    """From opening to closing: opening + gains - losses + fx = closing, to the last millionth.

    `fx` is what rates added, 0 in one currency; `transfer` is 0 as long as accounts are not merged. Where rules strip
    escalators, `contracted_escalator` is what they added.
    """
    moved = {
        kind: [movement for row in rows for movement in row.movements if movement.kind == kind]
        for kind in (*GAINS, *LOSSES)
    }
    steps = [
        WaterfallRow(
            kind,
            1 if kind in GAINS else -1,
            sum(movement.amount for movement in of),
            sum(movement.hold for movement in of),
            sum(movement.escalator for movement in of),
        )
        for kind, of in moved.items()
    ]
    escalated = sum(row.escalated for row in rows)
    steps += [WaterfallRow("contracted_escalator", 1, escalated)] if escalated else []
    return _with_ends(
        sum(row.opening for row in rows), steps, sum(row.closing_total for row in rows), sum(row.fx for row in rows)
    )


def waterfall_of(parts: Mapping[str, int]) -> list[WaterfallRow]:
    """The same from sums. Takes: amounts by name; part of an amount is named after it: `expansion_hold`."""
    steps = [
        WaterfallRow(
            kind,
            1 if kind in GAINS else -1,
            parts[kind],
            parts.get(f"{kind}_hold", 0),
            parts.get(f"{kind}_escalator", 0),
        )
        for kind in (*GAINS, *LOSSES)
    ]
    return _with_ends(parts["opening"], steps, parts["closing"], parts.get("fx", 0))


def _with_ends(opening: int, steps: Sequence[WaterfallRow], closing: int, fx: int = 0) -> list[WaterfallRow]:
    return [
        WaterfallRow("opening", 1, opening),
        *steps,
        WaterfallRow("fx", 1, fx),
        WaterfallRow("transfer", 1, 0),
        WaterfallRow("closing", 0, closing),
    ]


MRR: Final = Kpi(
    name="mrr",
    title="Monthly recurring revenue",
    unit="money",
    kind="point",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_in_time": Method(
            formula="sum of the recurring lines in force, a month of each",
            share=_closing,
            numerator=MONTHLY,
            sql=SqlExpression(CLOSING),
            depends_on=LINE_RULES,
        )
    },
    source="docs/kpis.md#mrr",
    options=GROUPED,
    calculation=2,
)

ARR: Final = Kpi(
    name="arr",
    title="Annual recurring revenue",
    unit="money",
    kind="point",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_in_time": Method(
            formula="12 x MRR",
            share=_closing,
            numerator=YEARLY,
            sql=SqlExpression(CLOSING),
            depends_on=LINE_RULES,
        )
    },
    source="docs/kpis.md#arr",
    options=GROUPED,
    calculation=2,
)

ARPA: Final = Kpi(
    name="arpa",
    title="Average MRR per paying account",
    unit="money",
    kind="point",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_in_time": Method(
            formula="MRR / paying accounts",
            share=_per_account,
            numerator=MONTHLY,
            denominator=COUNT,
            null_reason="no_paying_accounts",
            sql=SqlExpression(CLOSING, Part(if_(PAYS, "1"))),
            depends_on=LINE_RULES,
        )
    },
    source="docs/kpis.md#arpa",
    options=GROUPED,
    calculation=2,
)

ARR_GROWTH: Final = Kpi(
    name="arr_growth",
    title="ARR growth",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_to_point": Method(
            formula="(ARR at the end - ARR at the start) / ARR at the start",
            share=_growth,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason=NOBODY,
            sql=SqlExpression(Part("annual", "- annual"), OPENING),
            depends_on=ACCOUNT_RULES,
        )
    },
    source="docs/kpis.md#arr_growth",
    options=GROUPED,
    calculation=2,
)

MRR_WATERFALL: Final = Kpi(
    name="mrr_waterfall",
    title="MRR waterfall",
    unit="rows",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="opening + new + expansion + reactivation - contraction - churn + fx + transfer = closing",
            share=_closing,
            numerator=MONTHLY,
            sql=SqlExpression(CLOSING, parts=_WATERFALL_PARTS),
            depends_on=ACCOUNT_RULES | MOVEMENT_RULES,
        )
    },
    source="docs/kpis.md#mrr_waterfall",
    options=GROUPED,
    calculation=2,
)

CHURNED_MRR: Final = Kpi(
    name="churned_mrr",
    title="Churned MRR",
    unit="money",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="sum of the churn of the waterfall",
            share=_churned,
            numerator=MONTHLY,
            sql=SqlExpression(between("total_churn")),
            depends_on=ACCOUNT_RULES | MOVEMENT_RULES,
        )
    },
    source="docs/kpis.md#churned_mrr",
    options=GROUPED,
    groups=(*GROUPS, *ENDS),
    calculation=2,
)

QUICK_RATIO: Final = Kpi(
    name="quick_ratio",
    title="Quick ratio",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="(new + expansion + reactivation) / (contraction + churn)",
            share=_quick,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason="no_losses_in_period",
            sql=SqlExpression(between(TOTAL_GAINS), between(TOTAL_LOSSES)),
            depends_on=ACCOUNT_RULES | {"netting", "new_and_churned"},
        )
    },
    source="docs/kpis.md#quick_ratio",
    options=GROUPED,
    calculation=2,
)

GROSS_MRR_CHURN_RATE: Final = Kpi(
    name="gross_mrr_churn_rate",
    title="Gross MRR churn rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="(churn + contraction) / start, movements of C only",
            share=_gross_churn,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(of_payers(amount=False, moved=TOTAL_LOSSES), OPENING),
            depends_on=ACCOUNT_RULES | {"netting", "new_and_churned"},
        )
    },
    source="docs/kpis.md#gross_mrr_churn_rate",
    options=GROUPED,
    calculation=2,
)

NET_MRR_CHURN_RATE: Final = Kpi(
    name="net_mrr_churn_rate",
    title="Net MRR churn rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="(churn + contraction - expansion - reactivation) / start, movements of C only",
            share=_net_churn,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(
                of_payers(amount=False, moved=f"{TOTAL_LOSSES} - total_expansion - total_reactivation"), OPENING
            ),
            depends_on=ACCOUNT_RULES | {"netting", "new_and_churned"},
        )
    },
    source="docs/kpis.md#net_mrr_churn_rate",
    options=GROUPED,
    calculation=2,
)
