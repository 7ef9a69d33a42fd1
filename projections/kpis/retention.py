"""Retention: how much of what paid at a period's start still pays at its end.

C are the accounts that paid at the start; an account that joined later never enters, one that returned only if it was in C.
"""

from collections.abc import Sequence
from typing import Final

from projections.kpis.account_movements import LOSSES, AccountMovements
from projections.kpis.base import COUNT, GROUPED, MONTHLY, Kpi, Measure, Method, RowKind, Share, Warnings, counted
from projections.kpis.rule_sets import ACCOUNT_RULES
from projections.kpis.sql_expression import (
    NOTHING,
    ON_HOLD,
    OPENING,
    PAID_AT_START,
    PAYERS,
    PAYS,
    TOTAL_LOSSES,
    Part,
    SqlExpression,
    if_,
    of_payers,
)

NOBODY: Final = "no_paying_accounts_at_start"
_RETURNED: Final = {"returned_accounts_counted": f"{PAYS} AND paid_since < :start AND NOT {PAID_AT_START}"}


def _retained(row: AccountMovements) -> Share:
    return (int(row.closing > 0), 1) if row.opening else (0, 0)


def _unbroken(row: AccountMovements) -> Share:
    return (int(not row.interrupted), 1) if row.opening else (0, 0)


def _classic(row: AccountMovements) -> Share:
    return int(row.closing > 0 and row.paid_before), int(row.opening > 0)


def _lost(row: AccountMovements) -> Share:
    return (int(row.closing == 0), 1) if row.opening else (int(row.left), int(row.joined))


def _net(row: AccountMovements) -> Share:
    return (row.closing, row.opening) if row.opening else (0, 0)


def _moved(row: AccountMovements) -> Share:
    if not row.opening:
        return 0, 0
    return row.opening + row.total("expansion", "reactivation") - row.total(*LOSSES), row.opening


def _moved_without_return(row: AccountMovements) -> Share:
    return (row.opening + row.total("expansion") - row.total(*LOSSES), row.opening) if row.opening else (0, 0)


def _gross(row: AccountMovements) -> Share:
    return (min(row.opening, row.closing), row.opening) if row.opening else (0, 0)


def _gross_moved(row: AccountMovements) -> Share:
    return (row.opening - row.total(*LOSSES), row.opening) if row.opening else (0, 0)


def _suspended_at_end(rows: Sequence[AccountMovements], _measure: Measure) -> Warnings:
    return counted("accounts_on_hold_at_end", (row for row in rows if row.opening and row.suspended))


def _client_warnings(rows: Sequence[AccountMovements], measure: Measure) -> Warnings:
    if measure.method.share is not _classic:
        return _suspended_at_end(rows, measure)
    returned = (row for row in rows if row.closing and row.paid_before and not row.opening)
    return _suspended_at_end(rows, measure) | counted("returned_accounts_counted", returned)


def _revenue_warnings(rows: Sequence[AccountMovements], measure: Measure) -> Warnings:
    return _suspended_at_end(rows, measure) | ({"below_zero": None} if measure.numerator < 0 else {})


CLIENT_RETENTION_RATE: Final = Kpi(
    name="client_retention_rate",
    title="Client retention rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_to_point": Method(
            formula="count(a in C with MRR at the end > 0) / count(C)",
            share=_retained,
            numerator=COUNT,
            denominator=COUNT,
            null_reason=NOBODY,
            sql=SqlExpression(Part(if_(f"{PAYS} AND {PAID_AT_START}", "1")), PAYERS, ON_HOLD),
            depends_on=ACCOUNT_RULES,
        ),
        "strict": Method(
            formula="count(a in C never at 0 inside the period) / count(C)",
            share=_unbroken,
            numerator=COUNT,
            denominator=COUNT,
            null_reason=NOBODY,
            sql=SqlExpression(Part(if_("paying_since < :start", "1")), PAYERS, ON_HOLD),
            depends_on=ACCOUNT_RULES,
        ),
        "classic": Method(
            formula="(accounts paying at the end - new accounts paying at the end) / count(C)",
            share=_classic,
            numerator=COUNT,
            denominator=COUNT,
            null_reason=NOBODY,
            sql=SqlExpression(Part(if_(f"{PAYS} AND paid_since < :start", "1")), PAYERS, {**ON_HOLD, **_RETURNED}),
            depends_on=ACCOUNT_RULES,
        ),
    },
    warn=_client_warnings,
    source="docs/kpis.md#client_retention_rate",
    options=GROUPED,
    calculation=2,
)

CUSTOMER_CHURN_RATE: Final = Kpi(
    name="customer_churn_rate",
    title="Customer churn rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_to_point": Method(
            formula="count(a in C with MRR at the end = 0) / count(C)",
            share=_lost,
            numerator=COUNT,
            denominator=COUNT,
            null_reason=NOBODY,
            sql=SqlExpression(Part(if_(f"annual = 0 AND {PAID_AT_START}", "1")), PAYERS, ON_HOLD),
            depends_on=ACCOUNT_RULES | {"churn_denominator", "new_and_churned"},
        )
    },
    warn=_suspended_at_end,
    source="docs/kpis.md#customer_churn_rate",
    options=GROUPED,
    calculation=2,
)

NET_REVENUE_RETENTION: Final = Kpi(
    name="net_revenue_retention",
    title="Net revenue retention",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_to_point": Method(
            formula="sum over C of MRR at the end / sum over C of MRR at the start",
            share=_net,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(Part(if_(PAID_AT_START, "annual")), OPENING, ON_HOLD),
            depends_on=ACCOUNT_RULES,
        ),
        "movement": Method(
            formula="(start + expansion + reactivation - contraction - churn) / start, movements of C only",
            share=_moved,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(
                of_payers(amount=True, moved=f"total_expansion + total_reactivation - ({TOTAL_LOSSES})"),
                OPENING,
                ON_HOLD,
            ),
            depends_on=ACCOUNT_RULES | {"netting"},
        ),
        "movement_without_reactivation": Method(
            formula="(start + expansion - contraction - churn) / start, movements of C only",
            share=_moved_without_return,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(of_payers(amount=True, moved=f"total_expansion - ({TOTAL_LOSSES})"), OPENING, ON_HOLD),
            depends_on=ACCOUNT_RULES | {"netting", "reactivation"},
        ),
    },
    warn=_revenue_warnings,
    source="docs/kpis.md#net_revenue_retention",
    options=GROUPED,
    calculation=2,
)

GROSS_REVENUE_RETENTION: Final = Kpi(
    name="gross_revenue_retention",
    title="Gross revenue retention",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "point_to_point": Method(
            formula="sum over C of min(MRR at the start, MRR at the end) / sum over C of MRR at the start",
            share=_gross,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(NOTHING, OPENING, ON_HOLD, lesser=True),
            depends_on=ACCOUNT_RULES,
        ),
        "movement": Method(
            formula="(start - contraction - churn) / start, movements of C only",
            share=_gross_moved,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(of_payers(amount=True, moved=f"- ({TOTAL_LOSSES})"), OPENING, ON_HOLD),
            depends_on=ACCOUNT_RULES | {"netting"},
        ),
    },
    warn=_revenue_warnings,
    source="docs/kpis.md#gross_revenue_retention",
    options=GROUPED,
    calculation=2,
)
