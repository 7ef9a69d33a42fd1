"""Interval index: intervals of time kept so that an index finds exactly those that hold at an instant, however many there are.

An index by beginning finds all that began before an instant, ended or not. Here time is a binary tree instead: its nodes are
numbered days, each the middle of a stretch of time that its children halve. Every interval is kept at one node, the topmost one
within it. Those that hold at an instant are kept at the few nodes on the path down to it, and there their beginning or end decides.

A row that is no longer the truth is indexed by the class of its lifetime, in doublings: the rows of a class that were the truth
at a position began within a known number of positions before it.

Source: Kriegel, Pötke, Seidl, "Managing Intervals Efficiently in Object-Relational Databases", VLDB 2000.
"""

from typing import Final

from app.domain.kernel.values import FIRST, FOREVER

UNIT: Final = 36
"""A leaf is 2^36 microseconds, 19 hours; within one, beginnings and ends are compared."""
_HEIGHT: Final = (max(FOREVER >> UNIT, -(FIRST >> UNIT))).bit_length()


def node_of(start: int, end: int) -> int:
    """The node at which an interval [start, end), microseconds, is kept."""
    first, last = start >> UNIT, (end - 1) >> UNIT
    if first < 0 <= last:
        return 0
    level = (first ^ last).bit_length() - 1
    return last >> level << level if level >= 0 else last


def nodes_containing(instant: int) -> tuple[list[int], list[int]]:
    """The nodes at which intervals with an instant may be kept.

    Gives: those up to it, where every interval that ends later holds, and those behind it, where every one that has begun does.
    """
    leaf = instant >> UNIT
    nodes = {(leaf >> level + 1 << level + 1) + (1 << level) for level in range(_HEIGHT)} | {leaf, 0}
    return sorted(node for node in nodes if node <= leaf), sorted(node for node in nodes if node > leaf)


_SHORTEST: Final = 10
LIFETIME_CLASSES: Final = tuple((lifetime, 1 << lifetime) for lifetime in range(_SHORTEST, 41))
"""The classes, and how many positions a row of each was the truth at the most."""


def lifetime_class(since: int, until: int) -> int:
    """How long a row was the truth, in doublings of positions."""
    return max(_SHORTEST, (until - since).bit_length())
