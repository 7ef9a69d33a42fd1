"""Interleaving: the sides of a comparison run in turns, and the median turn of each side counts.

On a shared machine, one long measurement of each side would measure the other users.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final, TypeVar

from bench.client import Load
from bench.environment import Environment

T = TypeVar("T")
TURNS: Final = 5


def interleaved(
    environment: Environment,
    sides: Mapping[str, Callable[[int, float], T]],
    turns: int = TURNS,
    *,
    seconds: float | None = None,
) -> dict[str, list[T]]:
    """The results of each side, one for each turn. Takes: functions of the turn's number and of the seconds that it may take."""
    each = (environment.seconds if seconds is None else seconds) / turns / len(sides)
    by_side: dict[str, list[T]] = {name: [] for name in sides}
    for turn in range(turns):
        for name, side in sorted(sides.items(), reverse=turn % 2 == 1):  # no side always runs first
            environment.say(f"{name}, turn {turn + 1} of {turns}")
            by_side[name].append(side(turn, each))
    return by_side


def median_of(turns: Sequence[T], figure: Callable[[T], float]) -> float:
    """The median of a figure over the turns."""
    return median(figure(turn) for turn in turns)


def total_load(loads: Sequence[Load]) -> Load:
    """The loads of all turns added up."""
    return sum(loads, Load())
