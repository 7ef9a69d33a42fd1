"""Cohorts: accounts by the month in which they first paid, and what is left of each as it grows older.

A cell is the value at the end of the k-th period after a cohort's first, over the value at the end of the first. Only
accounts that paid at the end of the first are followed, so that shares begin at 1 and no other account joins later.

Source: docs/kpis.md, cohort_retention.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import Invalid
from projections.kpis.base import COUNT, MONTHLY, ComputedValue, Kpi, KpiContext, Measure, Method, RowKind, Share
from projections.kpis.calendar import label, month_of, month_start
from projections.kpis.customer_lifetimes import MONTHS, CustomerLifetime
from projections.kpis.decimals import quantity, ratio
from projections.kpis.options import choice
from projections.kpis.row_type import RowType, single
from projections.kpis.rule_sets import LINE_RULES
from projections.kpis.sql_expression import SqlTally

MOST: Final = 20_000
"""How many cells an answer may have."""


@dataclass(frozen=True)
class Joined:
    """An account in its cohort. first: the cohort's first month. opening: what it paid a year at the end of its first period."""

    life: CustomerLifetime
    first: int
    opening: int

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.life.account

    def content(self, currency: str | None, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones amounts are counted."""
        return {
            "cohort_month": label(self.first, 1),
            "opening": quantity(self.opening, MONTHLY.times(per), currency) if currency else None,
            **self.life.content(currency, per),
        }


JOINED_ROW: Final = RowType(content=single, lifelong=True)


def granularity(options: Mapping[str, str]) -> int:
    """How many months a cohort spans. Raises: Invalid."""
    return MONTHS[choice(options, "granularity", MONTHS, "month")]


def joined(rows: Iterable[CustomerLifetime], months: int, zone: ZoneInfo) -> list[Joined]:
    """Accounts in the cohorts of so many months in which they first paid."""
    starts: dict[int, int] = {}
    members = []
    for life in rows:
        month = month_of(life.since, zone)
        first = month - month % months
        if first not in starts:
            starts[first] = month_start(first + months, zone)
        members.append(Joined(life, first, life.annual(min(starts[first], life.until))))
    return members


class Cell(NamedTuple):
    """A cohort at an age, in periods. mature: whether that period was over at the last instant."""

    first: int
    age: int
    size: int
    opening: int
    value: int
    mature: bool


def cells(rows: Sequence[Joined], months: int, zone: ZoneInfo, *, money: bool) -> list[Cell]:
    """Every cell of every cohort, by cohort and age. Takes: `money`, whether amounts or accounts are counted.

    Raises: Invalid for more cells than an answer may have.
    """
    if not rows:
        return []
    of: dict[int, list[Joined]] = {}
    for row in rows:
        of.setdefault(row.first, []).append(row)
    until = rows[0].life.until
    ends = _ends(of, until, months, zone)
    cells: list[Cell] = []
    for first in sorted(of):
        counted = [row for row in of[first] if row.opening]
        opening = sum(row.opening if money else 1 for row in counted)
        values = _values(counted, ends[_place(first, min(of), months) :], money=money)
        cells += _cells(first, len(of[first]), opening, values, _over(until, zone, months))
    return cells


class Paid(NamedTuple):
    """What an account paid a year over [start, end), more than nothing. joined: when it first paid anything."""

    account: str
    joined: int
    start: int
    end: int
    annual: int


def cells_of(paid: Sequence[Paid], until: int, months: int, zone: ZoneInfo, *, money: bool) -> list[Cell]:
    """The same cells from all that was ever paid before an instant. Raises: as `cells`."""
    if not paid:
        return []
    firsts = {joined: (month := month_of(joined, zone)) - month % months for joined in {row.joined for row in paid}}
    followed = {joined: min(month_start(first + months, zone), until) for joined, first in firsts.items()}
    ends = _ends(firsts.values(), until, months, zone)
    places = {at: bisect_right(ends, at) for at in {row.start for row in paid} | {row.end for row in paid}}
    members: dict[int, set[str]] = {}
    opening: dict[int, int] = {}
    counted: set[str] = set()
    for account, joined_, start, end, annual in paid:
        members.setdefault(firsts[joined_], set()).add(account)
        if start < followed[joined_] <= end:
            counted.add(account)
            opening[firsts[joined_]] = opening.get(firsts[joined_], 0) + (annual if money else 1)
    changes = {first: [0] * (len(ends) + 1) for first in members}
    for account, joined_, start, end, annual in paid:
        if account in counted:
            changed, amount = changes[firsts[joined_]], annual if money else 1
            changed[places[start]] += amount
            changed[places[end]] -= amount
    over, earliest = _over(until, zone, months), min(members)
    cells: list[Cell] = []
    for first in sorted(members):
        values = list(accumulate(changes[first][:-1]))[_place(first, earliest, months) :]
        cells += _cells(first, len(members[first]), opening.get(first, 0), values, over)
    return cells


def _ends(firsts: Iterable[int], until: int, months: int, zone: ZoneInfo) -> list[int]:
    """The ends of all periods, the last instant's among them. Raises: Invalid."""
    cohorts, last = sorted(set(firsts)), month_of(until - 1, zone)
    if sum((last - first) // months + 1 for first in cohorts) > MOST:
        raise Invalid("too_many_cells", f"more than {MOST} cells; ask with a coarser granularity")
    return [month_start(month, zone) for month in range(cohorts[0] + months, last + 1, months)] + [until]


def _place(first: int, earliest: int, months: int) -> int:
    """Which end is that of a cohort's first period."""
    return (first - earliest) // months


def _cells(first: int, size: int, opening: int, values: Sequence[int], over: bool) -> Iterator[Cell]:
    """The cells of a cohort. Takes: whether its last period is over."""
    for age, value in enumerate(values):
        yield Cell(first, age, size, opening, value, over or age + 1 < len(values))


def _over(until: int, zone: ZoneInfo, months: int) -> bool:
    """Whether a period ends just at an instant."""
    month = month_of(until, zone)
    return month % months == 0 and month_start(month, zone) == until


def _values(rows: Sequence[Joined], ends: Sequence[int], *, money: bool) -> list[int]:
    """What accounts come to at the last instant before each end: every change counts from the first end behind it."""
    changes = [0] * (len(ends) + 1)
    for row in rows:
        at = before = 0
        for level in row.life.levels:
            while at < len(ends) and ends[at] <= level.at:
                at += 1
            now = level.annual if money else int(level.annual > 0)
            changes[at] += now - before
            before = now
    values, value = [], 0
    for change in changes[:-1]:
        value += change
        values.append(value)
    return values


def _logos(row: Joined) -> Share:
    return (int(row.life.closing > 0), 1) if row.opening else (0, 0)


def _revenue(row: Joined) -> Share:
    return (row.life.closing, row.opening) if row.opening else (0, 0)


def _compute(measure: Measure, context: KpiContext) -> ComputedValue:
    months, scale = granularity(context.options), measure.method.numerator
    all_cells: Sequence[Cell] = measure.tally
    if all_cells is None:
        all_cells = cells([row for row, _ in measure.shares], months, context.zone, money=scale.money)
    by_age: dict[int, list[Cell]] = {}
    for cell in all_cells:
        if cell.mature:
            by_age.setdefault(cell.age, []).append(cell)

    def written(value: int) -> str:
        return quantity(value, scale, context.currency)

    def share(value: int, opening: int) -> str | None:
        return ratio(Fraction(value, opening)) if opening else None

    averages = []
    for age, mature in sorted(by_age.items()):
        value, opening = sum(cell.value for cell in mature), sum(cell.opening for cell in mature)
        averages.append(
            {
                "age": age,
                "cohorts": len(mature),
                "opening": written(opening),
                "value": written(value),
                "share": share(value, opening),
            }
        )
    members = {
        "granularity": context.options.get("granularity", "month"),
        "cells": [
            {
                "cohort": label(cell.first, months),
                "age": cell.age,
                "size": cell.size,
                "opening": written(cell.opening),
                "value": written(cell.value),
                "share": share(cell.value, cell.opening),
                "mature": cell.mature,
            }
            for cell in all_cells
        ],
        "averages": averages,
    }
    immature = sum(not cell.mature for cell in all_cells)
    return ComputedValue(
        measure.value, members, measure.method.null_reason, {"incomplete_cells": immature} if immature else {}
    )


COHORT_RETENTION: Final = Kpi(
    name="cohort_retention",
    title="Retention of cohorts by first payment",
    unit="rows",
    kind="point",
    reads=RowKind.COHORTS,
    methods={
        "logos": Method(
            formula="accounts of a cohort paying at the end of its k-th period / those paying at the end of its first",
            share=_logos,
            numerator=COUNT,
            denominator=COUNT,
            null_reason="no_cohorts",
            compute=_compute,
            sql=SqlTally(),
            depends_on=LINE_RULES,
        ),
        "revenue": Method(
            formula="MRR of a cohort at the end of its k-th period / its MRR at the end of its first",
            share=_revenue,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason="no_cohorts",
            compute=_compute,
            sql=SqlTally(),
            depends_on=LINE_RULES,
        ),
    },
    source="docs/kpis.md#cohort_retention",
    options=frozenset({"granularity"}),
    calculation=2,
)
