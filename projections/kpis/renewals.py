"""Renewals: of what fell due for a decision, how much goes on. A decision counts on its due day, early or late."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from projections.kpis.base import COUNT, GROUPED, YEARLY, Kpi, Measure, Method, RowKind, Share, Warnings, counted
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import NO_RULES
from projections.kpis.sql_expression import Part, SqlExpression, if_
from projections.views.renewals import Renewal

FROZEN: Final = "frozen"
"""The method whose rows have the amount of a policy's number of days before the due day."""
NOTHING_DUE: Final = "nothing_due_in_period"
_GOES_ON: Final = "(outcome = 'renewed' OR (outcome = 'open' AND auto_renew AND NOT noticed))"
_RENEWED: Final = if_(_GOES_ON, "COALESCE(renewed, continues)")
_UNDECIDED_ROWS: Final = {"undecided_renewals": "outcome = 'open' AND NOT auto_renew AND NOT noticed"}
_OPEN: Final = "outcome = 'open' AND NOT noticed"
_AT_RISK: Final = "outcome = 'open' AND (noticed OR risk <> 'on_track' OR category <> 'commit')"


def due(rows: Iterable[Renewal], start: int, end: int) -> list[Renewal]:
    """What falls due within [start, end), by account, contract and day."""
    fallen = (row for row in rows if row.due and start <= row.due_at < end)
    return sorted(fallen, key=lambda row: (row.account, row.contract, row.due))


def goes_on(row: Renewal) -> bool:
    """Whether a contract goes on past its due day: somebody renewed it, or it renews itself and nobody gave notice."""
    return row.outcome == "renewed" or (row.outcome == "open" and row.auto_renew and not row.noticed)


def undecided(row: Renewal) -> bool:
    """Whether an end counts as lost only because nobody has decided it yet; a notice is a decision."""
    return row.outcome == "open" and not row.auto_renew and not row.noticed


def renewed(row: Renewal) -> int:
    """The annual value that goes on, in 10^-6: what was agreed, or what runs on at the due day."""
    if not goes_on(row):
        return 0
    return (row.continues or 0) if row.renewed is None else row.renewed


def cycle_streams(row: Renewal) -> list[str]:
    """The streams of a renewal: its contract and, once it was opened, its cycle."""
    return [row.contract, row.renewal] if row.renewal else [row.contract]


def _item(row: Renewal, per: int) -> dict[str, Any]:
    return {
        "contract": row.contract,
        "due": row.due,
        "outcome": row.outcome,
        "goes_on": goes_on(row),
        "currency": row.currency,
        "expiring": quantity(row.atr, YEARLY.times(per), row.currency),
        "renewed": quantity(renewed(row), YEARLY.times(per), row.currency),
    }


RENEWAL_ROW: Final = RowType(
    content=items(_item), streams=cycle_streams, amounts=("atr", "renewed", "continues", "expected")
)
"""What a renewal's products recur at is not converted: only their proportions count."""


def _count(row: Renewal) -> Share:
    return int(goes_on(row)), 1


def _capped(row: Renewal) -> Share:
    return min(renewed(row), row.atr), row.atr


def _uncapped(row: Renewal) -> Share:
    return renewed(row), row.atr


def _undecided(rows: Sequence[Renewal], _measure: Measure) -> Warnings:
    return counted("undecided_renewals", filter(undecided, rows))


def at_risk(row: Renewal) -> bool:
    """Whether an open renewal is anything but sure, by notice, by its risk or by the newest forecast."""
    if row.outcome != "open":
        return False
    return row.noticed or row.risk not in (None, "on_track") or row.category not in (None, "commit")


def unassessed(row: Renewal) -> bool:
    """Whether an open renewal has neither notice, risk nor forecast."""
    return row.outcome == "open" and not row.noticed and row.risk is None and row.category is None


def _available(row: Renewal) -> Share:
    return row.atr, 0


def _risked(row: Renewal) -> Share:
    return (row.atr if at_risk(row) else 0), 0


def _unassessed(rows: Sequence[Renewal], _measure: Measure) -> Warnings:
    return counted("unassessed_renewals", filter(unassessed, rows))


AVAILABLE_TO_RENEW: Final = Kpi(
    name="available_to_renew",
    title="Available to renew",
    unit="money",
    kind="period",
    reads=RowKind.RENEWALS,
    methods={
        "in_force": Method(
            formula="sum of the annual recurring amount that is in force when what falls due ends",
            share=_available,
            numerator=YEARLY,
            sql=SqlExpression(Part("atr")),
            depends_on=NO_RULES,
        ),
        FROZEN: Method(
            formula="the same as it stood frozen_days of the renewal policy before the due day",
            share=_available,
            numerator=YEARLY,
            depends_on=NO_RULES,
        ),
    },
    source="docs/kpis.md#available_to_renew",
    options=GROUPED,
    calculation=2,
)
REVENUE_AT_RISK: Final = Kpi(
    name="revenue_at_risk",
    title="Revenue at risk",
    unit="money",
    kind="period",
    reads=RowKind.RENEWALS,
    methods={
        "annual": Method(
            formula="sum of the annual value available to renew of open renewals under notice, with a risk other than on_track, "
            "or with a forecast other than commit",
            share=_risked,
            numerator=YEARLY,
            sql=SqlExpression(
                Part(if_(_AT_RISK, "atr")),
                notes={"unassessed_renewals": f"{_OPEN} AND risk IS NULL AND category IS NULL"},
            ),
            depends_on=NO_RULES,
        )
    },
    warn=_unassessed,
    source="docs/kpis.md#revenue_at_risk",
    options=GROUPED,
    calculation=2,
)
RENEWAL_RATE: Final = Kpi(
    name="renewal_rate",
    title="Renewal rate",
    unit="ratio",
    kind="period",
    reads=RowKind.RENEWALS,
    methods={
        "count": Method(
            formula="contracts renewed / contracts whose decision fell due",
            share=_count,
            numerator=COUNT,
            denominator=COUNT,
            null_reason=NOTHING_DUE,
            sql=SqlExpression(Part(if_(_GOES_ON, "1")), Part("1"), _UNDECIDED_ROWS),
            depends_on=NO_RULES,
        ),
        "value": Method(
            formula="sum of min(renewed, expiring) / sum of expiring annual value",
            share=_capped,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason=NOTHING_DUE,
            sql=SqlExpression(
                Part(f"CASE WHEN {_RENEWED} < atr THEN {_RENEWED} ELSE atr END"), Part("atr"), _UNDECIDED_ROWS
            ),
            depends_on=NO_RULES,
        ),
        "net_value": Method(
            formula="sum of renewed / sum of expiring annual value",
            share=_uncapped,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason=NOTHING_DUE,
            sql=SqlExpression(Part(_RENEWED), Part("atr"), _UNDECIDED_ROWS),
            depends_on=NO_RULES,
        ),
    },
    warn=_undecided,
    source="docs/kpis.md#renewal_rate",
    options=GROUPED,
    calculation=2,
)
