"""The calendar of figures: months, quarters and years of a tenant's zone, counted from year 0 in months."""

from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, day_start, nearest_day

_END: Final = 10_000 * 12


def month_of(moment: int, zone: ZoneInfo) -> int:
    """The month in which an instant falls; the calendar's first or last where the zone's day lies beyond it."""
    day = nearest_day(moment, zone)
    return int(day[:4]) * 12 + int(day[5:7]) - 1


def month_start(month: int, zone: ZoneInfo) -> int:
    """The first instant of a month; never, beyond the calendar."""
    return FOREVER if month >= _END else day_start(f"{month // 12:04d}-{month % 12 + 1:02d}-01", zone)


def full_months(until: int, zone: ZoneInfo, number: int) -> list[tuple[int, int]]:
    """The last months, as instants, that were over before an instant; fewer where the calendar begins later."""
    current = month_of(until, zone)
    starts = [month_start(month, zone) for month in range(max(12, current - number), current + 1)]
    return list(pairwise(starts))


def label(month: int, months: int) -> str:
    """The label of a period of so many months, by its first: 2015-01, 2015-Q1, or 2015."""
    year = f"{month // 12:04d}"
    return {1: f"{year}-{month % 12 + 1:02d}", 3: f"{year}-Q{month % 12 // 3 + 1}", 12: year}[months]
