"""Turns: what is compared runs one side after the other, again and again, and the middle turn of each side counts.

On a machine that others use too, one long stretch a side would measure the weather.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final, TypeVar

from bench.client import Load
from bench.environment import Ground

T = TypeVar("T")
TURNS: Final = 5


def in_turns(
    ground: Ground, sides: Mapping[str, Callable[[int, float], T]], turns: int = TURNS, *, seconds: float | None = None
) -> dict[str, list[T]]:
    """What each side gave at each turn. Takes: functions of the turn's number and of how many seconds it may take."""
    each = (ground.seconds if seconds is None else seconds) / turns / len(sides)
    gave: dict[str, list[T]] = {name: [] for name in sides}
    for turn in range(turns):
        for name, side in sorted(sides.items(), reverse=turn % 2 == 1):  # nobody always comes first
            ground.say(f"{name}, turn {turn + 1} of {turns}")
            gave[name].append(side(turn, each))
    return gave


def middle(gave: Sequence[T], figure: Callable[[T], float]) -> float:
    """The figure of the middle turn."""
    return median(figure(one) for one in gave)


def together(loads: Sequence[Load]) -> Load:
    """All answers of all turns."""
    return sum(loads, Load())
