"""Intervals: over which time a line is in force, with which amounts."""

from collections.abc import Sequence
from typing import NamedTuple

from app.domain.contract.line_steps import LineStep
from app.domain.contract.terms import Span, cut, split


class Interval(NamedTuple):
    """A line in force over [start, end): its annual amount, and whether it is suspended. `source`: the event that set it.

    gross: the annual amount before any discount; lasting, temporary: what discounts take off it, of which only a lasting
    one lowers `annual`. A suspended line has all three as well. trial: of a line for which nothing has been paid yet, what it
    is contracted at a year; such a line's `annual` is 0. None from the first paid day on.
    """

    line: str
    start: int
    end: int
    annual: int
    suspended: bool
    product: str
    kind: str
    quantity: str
    unit_price: str
    cause: str
    source: str
    gross: int
    lasting: int
    temporary: int
    trial: int | None = None


def fill(
    intervals: list[Interval],
    step: LineStep,
    start: int,
    end: int,
    windows: Sequence[Span],
    suspensions: Sequence[Span],
) -> None:
    """Adds a step's intervals within [start, end), the last one first."""
    for opens, closes in reversed(cut(start, end, windows)):
        if suspensions:
            intervals += [_interval(step, *piece) for piece in reversed(split(opens, closes, suspensions))]
        else:
            intervals.append(_interval(step, opens, closes, False))


def _interval(step: LineStep, start: int, end: int, suspended: bool) -> Interval:
    _, _, line, product, kind, quantity, price, _, _, _, cause, source, annual_, _, _, _, _, _, gross, temporary = step
    members = (
        line, start, end, 0 if suspended else annual_, suspended, product, kind, quantity, price, cause, source,
        gross, gross - annual_, temporary, None,
    )  # fmt: skip
    # A hot type: this skips the keywords. tests/domain/contract/test_line_steps.py notices a swapped or added member.
    return tuple.__new__(Interval, members)


def merged(intervals: list[Interval]) -> list[Interval]:
    """A line's neighbouring intervals that differ in nothing else become one."""
    merged: list[Interval] = []
    for interval in intervals:
        last = merged[-1] if merged else None
        if last and last.end == interval.start and last[3:] == interval[3:]:
            merged[-1] = last._replace(end=interval.end)
        else:
            merged.append(interval)
    return merged
