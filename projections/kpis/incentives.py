"""Incentives: payments for won deals, less what is taken back."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from app.domain.kernel.values import instant, scaled
from projections.kpis.base import YEARLY, Kpi, Method, RowKind, Share
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import NO_RULES
from projections.views.incentive_statements import IncentiveStatement


@dataclass(frozen=True)
class Payment:
    """What an event added to a line of a statement, in 10^-6: its amount, a change by a dispute, what was taken back."""

    account: str
    statement: str
    payee: str
    rule: str
    event: str
    currency: str
    at: int
    amount: int
    cause: str


def payments(rows: Iterable[IncentiveStatement], start: int, end: int) -> list[Payment]:
    """What statements pay and take back within [start, end), by account, statement and line."""
    rows_paid = [
        Payment(
            account=line["account"],
            statement=row.statement,
            payee=row.payee,
            rule=line["rule"],
            event=line["event"],
            currency=row.currency,
            at=entry["at"],
            amount=scaled(entry["amount"]),
            cause=entry["event"],
        )
        for row in rows
        for line in row.lines
        for entry in line["entries"]
        if start <= entry["at"] < end
    ]
    return sorted(rows_paid, key=lambda row: (row.account, row.statement, row.at, row.rule, row.event))


def _item(row: Payment, per: int) -> dict[str, Any]:
    return {
        "statement": row.statement,
        "payee": row.payee,
        "rule": row.rule,
        "event": row.event,
        "currency": row.currency,
        "amount": quantity(row.amount, YEARLY.times(per), row.currency),
        "at": instant(row.at),
        "cause": row.cause,
    }


PAYMENT_ROW: Final = RowType(
    content=items(_item), events=lambda row: ((row.statement, row.cause),), amounts=("amount",)
)


def _paid(row: Payment) -> Share:
    return row.amount, 0


INCENTIVE_TOTAL: Final = Kpi(
    name="incentive_total",
    title="Incentives paid",
    unit="money",
    kind="period",
    reads=RowKind.INCENTIVE_PAYMENTS,
    methods={
        "net": Method(
            formula="sum of what statements paid in the period, less what was taken back in it",
            share=_paid,
            numerator=YEARLY,
            depends_on=NO_RULES,
        )
    },
    source="docs/kpis.md#incentive_total",
)
