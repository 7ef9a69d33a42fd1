"""Health: the weighted mean of fresh signals, each mapped to points by bands; nothing is guessed where nothing is known.

Values, points and weights are integers of 10^-6; instants are microseconds. A missing or stale signal is neither good nor bad: it
leaves the mean, and the coverage says how much of the weight is left.

Source: docs/kpis.md, health.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

from app.domain.kernel.values import MICRO

LEAST_COVERAGE: Final = Fraction(1, 2)
"""Below this share of fresh weight there is no score."""
INSUFFICIENT: Final = "insufficient_coverage"


class Band(NamedTuple):
    """What values up to a bound are mapped to; the bound belongs to it, None is without bound."""

    upto: int | None
    gives: Any


class Signal(NamedTuple):
    """What was observed of an account. points: its points, or None where nothing was observed."""

    kind: str
    weight: int
    points: int | None
    expires_at: int


@dataclass(frozen=True)
class Health:
    """A score on the scale of its signals' points. drivers: what each fresh signal adds to it; they sum to the score."""

    score: Fraction | None
    coverage: Fraction
    drivers: Mapping[str, Fraction]
    null_reason: str | None = None


def banded(value: int, bands: Sequence[Band]) -> Any:
    """What the first band gives whose bound a value does not pass. Raises: ValueError beyond the last bound."""
    for band in bands:
        if band.upto is None or value <= band.upto:
            return band.gives
    raise ValueError("the bands end below the value")


def health(signals: Sequence[Signal], at: int, least: Fraction = LEAST_COVERAGE) -> Health:
    """The score at an instant. Takes: `least`, the coverage below which there is none. Raises: ValueError unless weights sum to 1."""
    if sum(signal.weight for signal in signals) != MICRO:
        raise ValueError("the weights of all signals sum to 1")
    fresh = {signal.kind: signal for signal in signals if signal.points is not None and at < signal.expires_at}
    weight = sum(signal.weight for signal in fresh.values())
    coverage = Fraction(weight, MICRO)
    if not weight or coverage < least:
        return Health(None, coverage, {}, INSUFFICIENT)
    drivers = {kind: Fraction(signal.weight * (signal.points or 0), weight * MICRO) for kind, signal in fresh.items()}
    return Health(sum(drivers.values(), Fraction(0)), coverage, drivers)


def worst(scores: Sequence[Fraction | None]) -> Fraction | None:
    """The least of the scores that there are."""
    return min((score for score in scores if score is not None), default=None)


def mean(scores: Sequence[tuple[Fraction | None, int]]) -> Fraction | None:
    """The mean of the scores that there are, each by its weight (the ARR of a parent's children; 1 for a plain mean)."""
    observed = [(score, weight) for score, weight in scores if score is not None]
    over = sum(weight for _, weight in observed)
    return sum((score * Fraction(weight, over) for score, weight in observed), Fraction(0)) if over else None
