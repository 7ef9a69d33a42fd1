"""Spans: intervals of time kept so that an index finds exactly those that hold at an instant, however many there are.

An index by beginning finds all that began before an instant, ended or not. Here time is a binary tree instead: days with
a number, the roots of ever smaller stretches. Every interval stands at its fork, the topmost root within it; those that
hold at an instant stand at one of the few roots above it, and there its beginning or its end decides.

What was once the truth and is no more is told apart by its age, in doublings: of an age, those that were the truth at a
position began within so many before it.

Source: Kriegel, Pötke, Seidl, "Managing Intervals Efficiently in Object-Relational Databases", VLDB 2000.
"""

from typing import Final

from app.domain.kernel.values import FIRST, FOREVER

UNIT: Final = 36
"""A leaf is 2^36 microseconds, 19 hours; within one, beginnings and ends are compared."""
_HEIGHT: Final = (max(FOREVER >> UNIT, -(FIRST >> UNIT))).bit_length()


def fork(start: int, end: int) -> int:
    """The root at which an interval [start, end), microseconds, stands."""
    first, last = start >> UNIT, (end - 1) >> UNIT
    if first < 0 <= last:
        return 0
    level = (first ^ last).bit_length() - 1
    return last >> level << level if level >= 0 else last


def roots(at: int) -> tuple[list[int], list[int]]:
    """The roots above an instant: those up to it, where all that ends later holds, and those behind it, where all that has begun does."""
    leaf = at >> UNIT
    above = {(leaf >> level + 1 << level + 1) + (1 << level) for level in range(_HEIGHT)} | {leaf, 0}
    return sorted(root for root in above if root <= leaf), sorted(root for root in above if root > leaf)


_YOUNGEST: Final = 10
AGES: Final = tuple((age, 1 << age) for age in range(_YOUNGEST, 41))
"""Ages, and how many positions they last at the most."""


def age(since: int, until: int) -> int:
    """How long something was the truth, in doublings of positions."""
    return max(_YOUNGEST, (until - since).bit_length())
