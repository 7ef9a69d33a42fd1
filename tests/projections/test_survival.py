"""The shifted beta-geometric model, checked against published results and against its own definition."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from projections.survival import Fit, Point, curve, discounted, fit
from tests.support.campaigns import examples

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def points(survivors: list[int]) -> tuple[Point, ...]:
    """The renewal points of one cohort."""
    return tuple(Point(at, before, before - after) for at, (before, after) in enumerate(pairwise(survivors), 1))


def model(alpha: str, beta: str) -> Fit:
    return Fit(Fraction(alpha), Fraction(beta), Fraction(0))


def series(fitted: Fit, rate: Fraction, terms: int, renewals: int | None = None) -> Fraction:
    """The discounted lifetime by its definition: the sum of the surviving shares, each discounted by its period."""
    share = discount = Fraction(1)
    total, at = Fraction(0), 0
    if renewals is not None:
        at, share = renewals + 1, (fitted.beta + renewals) / (fitted.alpha + fitted.beta + renewals)
    for period in range(at, at + terms):
        total += share * discount
        share *= (fitted.beta + period) / (fitted.alpha + fitted.beta + period)
        discount /= 1 + rate
    return total


def test_the_high_end_segment_is_fitted_as_published() -> None:
    """Source: D24, product.md 3.8: Fader and Hardie (2007), High End: alpha 0.668, beta 3.806, -1611.16 for 1,000."""
    fitted = fit(points(HIGH_END))

    assert abs(fitted.alpha - Fraction("0.668")) <= Fraction("0.002")
    assert abs(fitted.beta - Fraction("3.806")) <= Fraction("0.002")
    assert abs(fitted.total - Fraction("-1611.16")) <= Fraction("0.01")
    assert fitted.bound is None
    assert (fitted.alpha, fitted.beta) == (Fraction("0.668088"), Fraction("3.806095"))


def test_the_regular_segment_is_fitted_as_published() -> None:
    """Source: Fader and Hardie (2007), Regular: alpha 0.704, beta 1.182."""
    fitted = fit(points(REGULAR))

    assert abs(fitted.alpha - Fraction("0.704")) <= Fraction("0.002")
    assert abs(fitted.beta - Fraction("1.182")) <= Fraction("0.002")


def test_the_likelihood_is_highest_where_the_fit_is() -> None:
    fitted = fit(points(HIGH_END))

    def likelihood(alpha: Fraction, beta: Fraction) -> float:
        from math import log

        chances = [float(share) for share in curve(Fit(alpha, beta, Fraction(0)), 7)]
        lost = [before - after for before, after in pairwise(HIGH_END)]
        return sum(count * log(a - b) for count, (a, b) in zip(lost, pairwise(chances), strict=True)) + 491 * log(
            chances[-1]
        )

    best = likelihood(fitted.alpha, fitted.beta)
    assert best == pytest.approx(float(fitted.total), abs=1e-4)
    for step in (Fraction(1, 100), Fraction(-1, 100)):
        assert likelihood(fitted.alpha + step, fitted.beta) < best
        assert likelihood(fitted.alpha, fitted.beta + step) < best


def test_the_parameters_of_a_model_are_fitted_from_stacked_cohorts_of_different_ages() -> None:
    shares = curve(model("0.668", "3.806"), 8)
    old = points([round(share * 1_000_000) for share in shares])
    young = points([round(share * 3_000_000) for share in shares[:4]])
    stacked = tuple(
        Point(older.period, older.at_risk + younger.at_risk, older.lost + younger.lost)
        for older, younger in zip(old, (*young, *[Point(0, 0, 0)] * 5), strict=True)
    )
    fitted = fit(stacked)

    assert abs(fitted.alpha - Fraction("0.668")) < Fraction("0.002")
    assert abs(fitted.beta - Fraction("3.806")) < Fraction("0.002")


def test_accounts_that_are_all_alike_are_capped_and_flagged() -> None:
    fitted = fit(points([1000, 800, 600, 300, 100, 10]))

    assert fitted.bound == "homogeneous"
    assert fitted.alpha + fitted.beta == 10_000


def test_accounts_that_leave_at_once_or_never_are_flagged() -> None:
    assert fit(points([1000, 800, 800, 800])).bound == "polarised"


@pytest.mark.parametrize("rate", ["0.01", "0.1", "0.5", "1"])
@pytest.mark.parametrize(("alpha", "beta"), [("0.668", "3.806"), ("0.704", "1.182"), ("2.5", "0.5"), ("12", "30")])
def test_discounted_lifetimes_are_what_the_hypergeometric_function_says(alpha: str, beta: str, rate: str) -> None:
    """Source: product.md 3.5: DEL and DERL by 2F1; here scipy's, where it is sound."""
    a, b, z = float(alpha), float(beta), 1 / (1 + float(rate))
    lifetime = discounted(model(alpha, beta), Fraction(rate))
    assert lifetime is not None
    assert float(lifetime) == pytest.approx(hyp2f1(1, b, a + b, z), abs=1e-8)
    for n in (1, 2, 5):
        residual = discounted(model(alpha, beta), Fraction(rate), renewals=n - 1)
        assert residual is not None
        expected = (b + n - 1) / (a + b + n - 1) * hyp2f1(1, b + n, a + b + n, z)
        assert float(residual) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("alpha", "beta"), [("3536", "6464"), ("0.5", "6464"), ("9999", "0.01"), ("50", "100")])
def test_discounted_lifetimes_are_numbers_also_where_other_libraries_fail(alpha: str, beta: str) -> None:
    lifetime = discounted(model(alpha, beta), Fraction(1, 2))
    assert lifetime is not None
    assert abs(lifetime - series(model(alpha, beta), Fraction(1, 2), 60)) < Fraction(1, 10**8)


def test_without_discount_a_lifetime_is_bounded_only_where_alpha_exceeds_one() -> None:
    assert discounted(model("1", "3"), Fraction(0)) is None
    assert discounted(model("0.668", "3.806"), Fraction(0)) is None
    assert discounted(model("2", "3"), Fraction(0)) == 4
    assert discounted(model("2", "3"), Fraction(0), horizon=2) == Fraction("1.6")


SHAPE = st.integers(1, 20_000).map(lambda thousandth: Fraction(thousandth, 1000))
RATE = st.integers(1, 1000).map(lambda thousandth: Fraction(thousandth, 1000))


@settings(max_examples=examples(60), deadline=None)
@given(SHAPE, SHAPE, RATE)
def test_a_residual_lifetime_rises_with_every_renewal_and_survival_falls(
    alpha: Fraction, beta: Fraction, rate: Fraction
) -> None:
    """Source: product.md 3.10, property 11."""
    fitted = Fit(alpha, beta, Fraction(0))
    left = [discounted(fitted, rate, renewals=made) for made in range(8)]
    assert all(later >= earlier for earlier, later in pairwise([residual for residual in left if residual is not None]))
    shares = curve(fitted, 12)
    assert shares[0] == 1
    assert all(later <= earlier for earlier, later in pairwise(shares))
    limited = [discounted(fitted, rate, horizon=horizon) for horizon in (1, 2, 5, 20)]
    assert limited[0] == 1
    whole = discounted(fitted, rate)
    assert whole is not None
    for shorter, longer in pairwise([*limited, whole]):
        assert shorter is not None
        assert longer is not None
        assert shorter <= longer + Fraction(1, 10**8)


@settings(max_examples=examples(40), deadline=None)
@given(SHAPE, SHAPE, st.integers(0, 6), st.integers(1, 12), RATE)
def test_a_limited_lifetime_is_the_sum_that_defines_it(
    alpha: Fraction, beta: Fraction, renewals: int, horizon: int, rate: Fraction
) -> None:
    fitted = Fit(alpha, beta, Fraction(0))
    lifetime = discounted(fitted, rate, horizon=horizon)
    residual = discounted(fitted, rate, renewals=renewals, horizon=horizon)
    assert lifetime is not None
    assert residual is not None
    assert abs(lifetime - series(fitted, rate, horizon)) < Fraction(1, 10**8)
    assert abs(residual - series(fitted, rate, horizon, renewals)) < Fraction(1, 10**8)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.integers(0, 40), min_size=2, max_size=8), st.integers(1, 50))
def test_every_table_with_a_loss_and_a_renewal_is_fitted(losses: list[int], rest: int) -> None:
    survivors = [sum(losses[at:]) + rest for at in range(len(losses) + 1)]
    cohort = points(survivors)
    if not sum(losses):
        return
    fitted = fit(cohort)
    assert fitted.alpha > 0
    assert fitted.beta > 0
    assert fitted.total <= 0
    assert fitted.bound in (None, "homogeneous", "polarised")
    assert fit.__wrapped__(cohort) == fitted
