"""Recurring revenue: how much there is, how it grew, and what moved it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from projections.kpis.account_movements import GAINS, LOSSES, AccountMovements
from projections.kpis.base import COUNT, MONTHLY, YEARLY, Kpi, Method, Share
from projections.kpis.retention import NOBODY


def _closing(row: AccountMovements) -> Share:
    return row.worth, 0


def _grown(row: AccountMovements) -> Share:
    return row.closing + row.escalated - row.opening, row.opening


def _per_account(row: AccountMovements) -> Share:
    return row.worth, int(row.closing > 0)


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
    moved = {kind: [m for row in rows for m in row.movements if m.kind == kind] for kind in (*GAINS, *LOSSES)}
    steps = [
        WaterfallRow(
            kind,
            1 if kind in GAINS else -1,
            sum(m.amount for m in of),
            sum(m.hold for m in of),
            sum(m.escalator for m in of),
        )
        for kind, of in moved.items()
    ]
    escalated = sum(row.escalated for row in rows)
    steps += [WaterfallRow("contracted_escalator", 1, escalated)] if escalated else []
    return _led(sum(row.opening for row in rows), steps, sum(row.worth for row in rows), sum(row.fx for row in rows))


def waterfall_of(parts: Mapping[str, int]) -> list[WaterfallRow]:
    """The same from what its rows sum to. Takes: amounts by name, what is part of one behind it: `expansion_hold`."""
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
    return _led(parts["opening"], steps, parts["closing"], parts.get("fx", 0))


def _led(opening: int, steps: Sequence[WaterfallRow], closing: int, fx: int = 0) -> list[WaterfallRow]:
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
    reads="contract_lines",
    methods={"point_in_time": Method("sum of the recurring lines in force, a month of each", _closing, MONTHLY)},
    source="docs/kpis.md#mrr",
)

ARR: Final = Kpi(
    name="arr",
    title="Annual recurring revenue",
    unit="money",
    kind="point",
    reads="contract_lines",
    methods={"point_in_time": Method("12 x MRR", _closing, YEARLY)},
    source="docs/kpis.md#arr",
)

ARPA: Final = Kpi(
    name="arpa",
    title="Average MRR per paying account",
    unit="money",
    kind="point",
    reads="contract_lines",
    methods={"point_in_time": Method("MRR / paying accounts", _per_account, MONTHLY, COUNT, "no_paying_accounts")},
    source="docs/kpis.md#arpa",
)

ARR_GROWTH: Final = Kpi(
    name="arr_growth",
    title="ARR growth",
    unit="ratio",
    kind="period",
    reads="contract_lines",
    methods={
        "point_to_point": Method(
            "(ARR at the end - ARR at the start) / ARR at the start", _grown, YEARLY, YEARLY, NOBODY
        )
    },
    source="docs/kpis.md#arr_growth",
)

MRR_WATERFALL: Final = Kpi(
    name="mrr_waterfall",
    title="MRR waterfall",
    unit="rows",
    kind="period",
    reads="contract_lines",
    methods={
        "movement": Method(
            "opening + new + expansion + reactivation - contraction - churn + fx + transfer = closing",
            _closing,
            MONTHLY,
        )
    },
    source="docs/kpis.md#mrr_waterfall",
)

QUICK_RATIO: Final = Kpi(
    name="quick_ratio",
    title="Quick ratio",
    unit="ratio",
    kind="period",
    reads="contract_lines",
    methods={
        "movement": Method(
            "(new + expansion + reactivation) / (contraction + churn)", _quick, MONTHLY, MONTHLY, "no_losses_in_period"
        )
    },
    source="docs/kpis.md#quick_ratio",
)

GROSS_MRR_CHURN_RATE: Final = Kpi(
    name="gross_mrr_churn_rate",
    title="Gross MRR churn rate",
    unit="ratio",
    kind="period",
    reads="contract_lines",
    methods={
        "movement": Method("(churn + contraction) / start, movements of C only", _gross_churn, MONTHLY, MONTHLY, NOBODY)
    },
    source="docs/kpis.md#gross_mrr_churn_rate",
)

NET_MRR_CHURN_RATE: Final = Kpi(
    name="net_mrr_churn_rate",
    title="Net MRR churn rate",
    unit="ratio",
    kind="period",
    reads="contract_lines",
    methods={
        "movement": Method(
            "(churn + contraction - expansion - reactivation) / start, movements of C only",
            _net_churn,
            MONTHLY,
            MONTHLY,
            NOBODY,
        )
    },
    source="docs/kpis.md#net_mrr_churn_rate",
)
