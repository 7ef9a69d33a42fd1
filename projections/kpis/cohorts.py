"""Cohorts: accounts by the month in which they first paid, and what is left of each as it grows older.

A cell is the value at the end of the k-th period after a cohort's first, over the value at the end of the first. Only
accounts that paid at the end of the first are followed, so that shares begin at 1 and nobody who never counted comes back in.

Source: docs/kpis.md, cohort_retention.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.errors import Invalid
from projections.kpis.base import COUNT, MONTHLY, Kpi, Measure, Method, Share, Terms, Told
from projections.kpis.calendar import label, month_of, month_start
from projections.kpis.decimals import quantity, ratio
from projections.kpis.lives import MONTHS, Life
from projections.kpis.options import choice

MOST: Final = 20_000
"""How many cells an answer may have."""


@dataclass(frozen=True)
class Joined:
    """An account in its cohort. first: the cohort's first month. opening: what it paid a year at the end of its first period."""

    life: Life
    first: int
    opening: int

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.life.account

    def told(self, currency: str | None, per: int = 1) -> dict[str, Any]:
        """What an explanation says of it. Takes: in how many parts of the usual ones amounts are counted."""
        return {
            "cohort_month": label(self.first, 1),
            "opening": quantity(self.opening, MONTHLY.times(per), currency) if currency else None,
            **self.life.told(currency, per),
        }


def granularity(options: Mapping[str, str]) -> int:
    """How many months a cohort spans. Raises: Invalid."""
    return MONTHS[choice(options, "granularity", MONTHS, "month")]


def joined(rows: Iterable[Life], months: int, where: ZoneInfo) -> list[Joined]:
    """Accounts in the cohorts of so many months in which they first paid."""
    starts: dict[int, int] = {}
    found = []
    for life in rows:
        month = month_of(life.since, where)
        first = month - month % months
        if first not in starts:
            starts[first] = month_start(first + months, where)
        found.append(Joined(life, first, life.annual(min(starts[first], life.until))))
    return found


class Cell(NamedTuple):
    """A cohort at an age, in periods. mature: whether that period was over at the last instant."""

    first: int
    age: int
    size: int
    opening: int
    value: int
    mature: bool


def cells(rows: Sequence[Joined], months: int, where: ZoneInfo, *, money: bool) -> list[Cell]:
    """Every cell of every cohort, by cohort and age. Takes: `money`, whether amounts or accounts are counted.

    Raises: Invalid for more cells than an answer may have.
    """
    if not rows:
        return []
    of: dict[int, list[Joined]] = {}
    for row in rows:
        of.setdefault(row.first, []).append(row)
    until, cohorts = rows[0].life.until, sorted(of)
    last = month_of(until - 1, where)
    periods = [(last - first) // months + 1 for first in cohorts]
    if sum(periods) > MOST:
        raise Invalid("too_many_cells", f"more than {MOST} cells; ask with a coarser granularity")
    ends = [month_start(month, where) for month in range(cohorts[0] + months, last + 1, months)] + [until]
    found = []
    for first, ages in zip(cohorts, periods, strict=True):
        counted = [row for row in of[first] if row.opening]
        opening = sum(row.opening if money else 1 for row in counted)
        values = _values(counted, ends[-ages:], money=money)
        found += [
            Cell(first, age, len(of[first]), opening, value, ends[age - ages] < until or _over(until, where, months))
            for age, value in enumerate(values)
        ]
    return found


def _over(until: int, where: ZoneInfo, months: int) -> bool:
    """Whether a period ends just at an instant."""
    month = month_of(until, where)
    return month % months == 0 and month_start(month, where) == until


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
    found, value = [], 0
    for change in changes[:-1]:
        value += change
        found.append(value)
    return found


def _logos(row: Joined) -> Share:
    return (int(row.life.closing > 0), 1) if row.opening else (0, 0)


def _revenue(row: Joined) -> Share:
    return (row.life.closing, row.opening) if row.opening else (0, 0)


def _tell(measure: Measure, terms: Terms) -> Told:
    months, scale = granularity(terms.options), measure.method.of
    told = cells([row for row, _ in measure.shares], months, terms.where, money=scale.money)
    by_age: dict[int, list[Cell]] = {}
    for cell in told:
        if cell.mature:
            by_age.setdefault(cell.age, []).append(cell)

    def written(value: int) -> str:
        return quantity(value, scale, terms.currency)

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
        "granularity": terms.options.get("granularity", "month"),
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
            for cell in told
        ],
        "averages": averages,
    }
    immature = sum(not cell.mature for cell in told)
    return Told(measure.value, members, measure.method.nothing, {"incomplete_cells": immature} if immature else {})


COHORT_RETENTION: Final = Kpi(
    name="cohort_retention",
    title="Retention of cohorts by first payment",
    unit="rows",
    kind="point",
    reads="cohorts",
    methods={
        "logos": Method(
            "accounts of a cohort paying at the end of its k-th period / those paying at the end of its first",
            _logos,
            COUNT,
            COUNT,
            "no_cohorts",
            _tell,
        ),
        "revenue": Method(
            "MRR of a cohort at the end of its k-th period / its MRR at the end of its first",
            _revenue,
            MONTHLY,
            MONTHLY,
            "no_cohorts",
            _tell,
        ),
    },
    source="docs/kpis.md#cohort_retention",
    options=frozenset({"granularity"}),
)
