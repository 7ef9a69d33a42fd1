"""Survival by the shifted beta-geometric model: the one file that computes with floats, because a likelihood is not rational.

It sees how many accounts were at risk and lost at each renewal point, and a rate; no amount ever enters. What leaves it is exact
again: parameters are rounded to 10^-6 and what follows from them to 10^-9, so that the same history gives the same
answer on every machine. scipy is imported on first use, so that a server that never computes it stays small.

Source: P. Fader, B. Hardie, How to Project Customer Retention (2007); Customer-Base Valuation in a Contractual Setting:
The Perils of Ignoring Heterogeneity (2010).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import exp, log
from typing import Final, NamedTuple

PLACES: Final = 10**6
"""Parameters are multiples of its inverse."""
_FINE: Final = 10**9
LARGEST: Final = 10_000
"""Up to which alpha + beta is searched: beyond it accounts cannot be distinguished from equal ones."""
SMALLEST: Final = Fraction(1, 1000)
"""Down to which: below it accounts leave at once or never."""


class Point(NamedTuple):
    """A renewal point: the how manieth, how many were at risk, and how many of them were lost."""

    period: int
    at_risk: int
    lost: int


class Fit(NamedTuple):
    """What the likeliest model is. total: its log-likelihood; bound: whether alpha + beta ran into a bound of the search,
    `homogeneous` or `polarised`.
    """

    alpha: Fraction
    beta: Fraction
    total: Fraction
    bound: str | None = None


@lru_cache(maxsize=256)
def fit(points: tuple[Point, ...]) -> Fit:
    """The parameters by maximum likelihood.

    Takes: the renewal points, at which somebody was lost and somebody was not. Accounts of different ages may be stacked: each
    is at risk at the points that it reached. That is all that the likelihood knows: the sum over points of
    lost ln(alpha) + kept ln(beta + t - 1) - at risk ln(alpha + beta + t - 1).
    """
    from scipy.optimize import minimize_scalar  # on first use

    def fitted(size: float) -> float:
        return -_likelihood(points, size * _mean(points, size), size)

    low, high = log(float(SMALLEST)), log(float(LARGEST))
    grid = [low + (high - low) * step / 64 for step in range(65)]
    best = min(range(65), key=lambda at: fitted(exp(grid[at])))
    around = grid[max(0, best - 1)], grid[min(64, best + 1)]
    optimum = minimize_scalar(lambda size: fitted(exp(size)), bounds=around, method="bounded", options={"xatol": 1e-10})
    size = exp(optimum.x)
    bound = "homogeneous" if size > 0.99 * LARGEST else "polarised" if size < 1.01 * float(SMALLEST) else None
    size = {"homogeneous": float(LARGEST), "polarised": float(SMALLEST)}.get(bound or "") or _polished(points, size)
    alpha = _mean(points, size) * size
    exact = [Fraction(max(1, round(value * PLACES)), PLACES) for value in (alpha, size - alpha)]
    return Fit(exact[0], exact[1], _exact(_likelihood(points, float(exact[0]), float(sum(exact)))), bound)


def curve(fitted: Fit, periods: int) -> list[Fraction]:
    """The share that lasts beyond each period, from 0 on: the product of (beta + t - 1) / (alpha + beta + t - 1)."""
    beta, size, share, shares = float(fitted.beta), float(fitted.alpha + fitted.beta), 1.0, [Fraction(1)]
    for period in range(periods):
        share *= (beta + period) / (size + period)
        shares.append(_exact(share))
    return shares


def discounted(
    fitted: Fit, rate: Fraction, *, renewals: int | None = None, horizon: int | None = None
) -> Fraction | None:
    """The lifetime that is expected, in payments, each discounted to the first of them.

    Takes: `rate`, of a period; `renewals`, how many were made before the decision that is pending, which the first payment
    hangs on (DERL, with n = renewals + 1); None for a new account, whose first payment is now (DEL); `horizon`, how many
    payments are counted at the most, None for all.
    Gives: None where it has no bound, which only happens at a rate of 0.
    Source: Fader and Hardie (2010): DEL = 2F1(1, beta; alpha + beta; 1 / (1 + d)),
    DERL = (beta + n - 1) / (alpha + beta + n - 1) 2F1(1, beta + n; alpha + beta + n; 1 / (1 + d)).
    """
    alpha, beta, _, _ = fitted
    first, surviving = beta, Fraction(1)
    if renewals is not None:
        first, surviving = beta + renewals + 1, (beta + renewals) / (alpha + beta + renewals)
    if horizon is not None:
        return _exact(_summed(float(surviving), float(first), float(alpha + first), float(1 / (1 + rate)), horizon))
    if rate == 0:  # then 2F1(1, b; c; 1) = (c - 1) / (c - b - 1), as Gauss has it
        return None if alpha <= 1 else surviving * (alpha + first - 1) / (alpha - 1)
    return surviving * _exact(_hypergeometric(float(first), float(alpha + first), float(1 / (1 + rate))))


def _summed(share: float, b: float, c: float, z: float, terms: int) -> float:
    total = 0.0
    for at in range(terms):
        total += share
        share *= z * (b + at) / (c + at)
    return total


def _hypergeometric(b: float, c: float, z: float) -> float:
    """2F1(1, b; c; z) for 0 < b < c and 0 < z < 1, by Gauss's continued fraction, read from its end.

    scipy's own answers no number where b and c are large, which they are for accounts that are nearly equal.
    """
    before, terms = 0.0, 32
    while True:
        value = 1.0
        for at in range(terms, 0, -1):
            half = at // 2
            part = (b + half) * (c + half - 1) if at % 2 else half * (c - b + half - 1)
            value = 1.0 - (part / ((c + at - 2) * (c + at - 1)) if at > 1 else b / c) * z / value
        if abs(1 / value - before) <= 1e-12 / value or terms >= 2**17:
            return 1 / value
        before, terms = 1 / value, 2 * terms


# --- the likelihood ---


def _likelihood(points: Sequence[Point], alpha: float, size: float) -> float:
    return sum(
        lost * log(alpha) + _weighed(at_risk - lost, log, size - alpha + at - 1) - at_risk * log(size + at - 1)
        for at, at_risk, lost in points
    )


def _mean(points: Sequence[Point], size: float) -> float:
    """The likeliest alpha / (alpha + beta) where their sum is given: the one root of a falling slope."""
    from scipy.optimize import brentq

    lost = sum(point.lost for point in points)

    def slope(mean: float) -> float:
        surviving = ((at - 1, at_risk - gone) for at, at_risk, gone in points)
        return lost / mean - sum(size * count / (size * (1 - mean) + later) for later, count in surviving)

    low, high = 1e-12, 1 - 1e-12
    return high if slope(high) > 0 else float(brentq(slope, low, high, xtol=1e-15, rtol=1e-14, maxiter=500))


def _polished(points: Sequence[Point], size: float) -> float:
    """Where the slope is 0 near the highest likelihood that was found, as precisely as floats allow.

    Around its maximum a likelihood is flat, so that its value tells the place to half of the digits only.
    """
    from scipy.optimize import brentq

    def slope(near: float) -> float:
        alpha = _mean(points, near) * near
        return sum(
            _weighed(at_risk - lost, _inverse, near - alpha + at - 1) - at_risk / (near + at - 1)
            for at, at_risk, lost in points
        )

    for width in (1e-5, 1e-4, 1e-3, 1e-2):
        low, high = size * (1 - width), size * (1 + width)
        if slope(low) * slope(high) <= 0:
            return float(brentq(slope, low, high, xtol=1e-14, rtol=1e-14, maxiter=500))
    return size


def _inverse(value: float) -> float:
    return 1 / value


def _weighed(count: int, of: Callable[[float], float], value: float) -> float:
    """Nothing where nothing is counted, whatever the value would be."""
    return count * of(value) if count else 0.0


def _exact(value: float) -> Fraction:
    return Fraction(round(value * _FINE), _FINE)
