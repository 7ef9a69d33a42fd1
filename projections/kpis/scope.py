"""Scope: how much work went beyond what was agreed, and how often another way was taken instead."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from projections.kpis.base import COUNT, HOURS, Kpi, Measure, Method, RowKind, Share, Warnings, counted
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import NO_RULES
from projections.kpis.sql_expression import Part, SqlExpression, if_
from projections.views.scope_changes import ScopeChange


@dataclass(frozen=True)
class ScopeChangeOutcome:
    """What a scope change gives to a period. absorbed, contracted: hours in 10^-6. offered: another way was offered.

    estimated: whether the effort of what went into a contract was ever assessed.
    """

    account: str
    scope_change: str
    absorbed: int = 0
    contracted: int = 0
    estimated: bool = True
    offered: bool = False
    accepted: bool | None = None


def _item(row: ScopeChangeOutcome, _per: int) -> dict[str, Any]:
    return {
        "scope_change": row.scope_change,
        "absorbed_hours": quantity(row.absorbed, HOURS, None),
        "contracted_hours": quantity(row.contracted, HOURS, None),
        "alternative_offered": row.offered,
        "alternative_accepted": row.accepted,
    }


SCOPE_CHANGE_ROW: Final = RowType(content=items(_item), streams=lambda row: (row.scope_change,))


def scope_change_outcomes(rows: Iterable[ScopeChange], start: int, end: int) -> list[ScopeChangeOutcome]:
    """The scope changes of which something happened within [start, end), by account and id."""

    def within(at: int | None) -> bool:
        return at is not None and start <= at < end

    outcomes = []
    for row in rows:
        absorbed, amended = within(row.absorbed_at), within(row.amended_at)
        offered = row.with_alternative and within(row.responded_at)
        if absorbed or amended or offered:
            outcomes.append(
                ScopeChangeOutcome(
                    row.account,
                    row.scope_change,
                    absorbed=(row.absorbed_hours or 0) if absorbed else 0,
                    contracted=(row.effort_hours or 0) if amended else 0,
                    estimated=not amended or row.effort_hours is not None,
                    offered=offered,
                    accepted=_accepted(row) if offered else None,
                )
            )
    return sorted(outcomes, key=lambda row: (row.account, row.scope_change))


def _accepted(row: ScopeChange) -> bool | None:
    """What the client chose in the end; whoever withdraws the request takes nothing."""
    return False if row.closed_as == "withdrawn" else row.accepted


def _creep(row: ScopeChangeOutcome) -> Share:
    return row.absorbed, row.contracted


def _taken(row: ScopeChangeOutcome) -> Share:
    return int(row.offered and row.accepted is True), int(row.offered)


def _unknown_effort(rows: Sequence[ScopeChangeOutcome], _measure: Measure) -> Warnings:
    return counted("effort_not_assessed", (row for row in rows if not row.estimated))


def _undecided(rows: Sequence[ScopeChangeOutcome], _measure: Measure) -> Warnings:
    return counted("undecided_alternatives", (row for row in rows if row.offered and row.accepted is None))


SCOPE_CREEP_RATIO: Final = Kpi(
    name="scope_creep_ratio",
    title="Scope-creep ratio",
    unit="ratio",
    kind="period",
    reads=RowKind.SCOPE_CHANGES,
    methods={
        "hours": Method(
            formula="hours absorbed / hours that scope changes brought into contracts",
            share=_creep,
            numerator=HOURS,
            denominator=HOURS,
            null_reason="no_contracted_effort_in_period",
            sql=SqlExpression(Part("absorbed"), Part("contracted"), {"effort_not_assessed": "NOT estimated"}),
            depends_on=NO_RULES,
        )
    },
    warn=_unknown_effort,
    source="docs/kpis.md#scope_creep_ratio",
)

ALTERNATIVE_ACCEPTANCE: Final = Kpi(
    name="alternative_acceptance",
    title="Alternative acceptance",
    unit="ratio",
    kind="period",
    reads=RowKind.SCOPE_CHANGES,
    methods={
        "count": Method(
            formula="alternatives accepted / declines with an alternative",
            share=_taken,
            numerator=COUNT,
            denominator=COUNT,
            null_reason="no_declines_with_alternative_in_period",
            sql=SqlExpression(
                Part(if_("offered AND accepted", "1")),
                Part(if_("offered", "1")),
                {"undecided_alternatives": "offered AND accepted IS NULL"},
            ),
            depends_on=NO_RULES,
        )
    },
    warn=_undecided,
    calculation=2,
    source="docs/kpis.md#alternative_acceptance",
)
