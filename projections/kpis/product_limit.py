"""The product limit: which share of tenures lasts how long, exactly, with those that go on counted as long as they were seen.

Source: E. Kaplan, P. Meier, Nonparametric Estimation from Incomplete Observations (1958); M. Greenwood (1926) for the errors.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from app.domain.kernel.values import MICRO, unscaled
from projections.kpis.customer_lifetimes import Tenure
from projections.survival import Point


class Survival(NamedTuple):
    """The share that lasts beyond a period, and the variance of that estimate."""

    period: int
    share: Fraction
    variance: Fraction


def points(tenures: Iterable[Tenure]) -> tuple[Point, ...]:
    """Every renewal point that any tenure reached: how many were at risk there, and how many were lost.

    A tenure that was lost at a point or passed it was at risk there; one that goes on and has not reached it was not.
    """
    lost: dict[int, int] = {}
    left: dict[int, int] = {}
    for periods, gone in tenures:
        left[periods] = left.get(periods, 0) + 1
        lost[periods] = lost.get(periods, 0) + gone
    at_risk, reached = 0, []
    for period in range(max(left, default=0), 0, -1):
        at_risk += left.get(period, 0)
        reached.append(Point(period, at_risk, lost.get(period, 0)))
    return tuple(reversed(reached))


def product_limit(observed: Sequence[Point]) -> list[Survival]:
    """The share that lasts beyond each point: the product of those kept at it and before; 1 at the start.

    The variance is share^2 times the sum of lost / (at risk x kept); it is 0 where nobody was lost or nobody is left.
    """
    share, sum_ = Fraction(1), Fraction(0)
    estimate = [Survival(0, share, Fraction(0))]
    for period, at_risk, lost in observed:
        if lost:
            share *= Fraction(at_risk - lost, at_risk)
            sum_ += Fraction(lost, at_risk * (at_risk - lost)) if at_risk > lost else 0
        estimate.append(Survival(period, share, share * share * sum_))
    return estimate


def area(shares: Sequence[Fraction], horizon: int, rate: Fraction) -> Fraction:
    """What lies under a curve up to a horizon, in periods, each counted at its beginning.

    Takes: `shares`, at the start and after each period; `rate`, by which a payment is discounted a period later.
    """
    sum_, later = Fraction(0), Fraction(rate.denominator, rate.denominator + rate.numerator)
    for share in reversed(shares[:horizon]):
        sum_ = share + sum_ * later
    return sum_


def root(value: Fraction) -> str:
    """The square root to six decimals, half up, by integers alone."""
    twice = isqrt(4 * MICRO * MICRO * value.numerator * value.denominator) // value.denominator
    return unscaled((twice + 1) // 2)
