"""Incentives: what is paid for winning, less what is taken back."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.domain.kernel.values import scaled
from projections.kpis.base import YEARLY, Kpi, Method, RowKind, Share
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
    found = [
        Payment(
            line["account"],
            row.statement,
            row.payee,
            line["rule"],
            line["event"],
            row.currency,
            entry["at"],
            scaled(entry["amount"]),
            entry["event"],
        )
        for row in rows
        for line in row.lines
        for entry in line["entries"]
        if start <= entry["at"] < end
    ]
    return sorted(found, key=lambda one: (one.account, one.statement, one.at, one.rule, one.event))


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
