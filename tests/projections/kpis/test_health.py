"""Health: published examples, and the laws that keep a score honest."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.values import FOREVER, MICRO, half_up
from projections.kpis.health import Band, Health, Signal, banded, health, mean, worst

NOW = 1_000
GOOD, AVERAGE, POOR = Fraction(10), Fraction(5), Fraction(0)
CALLED = {GOOD: "good", AVERAGE: "average", POOR: "poor"}


def observed(*points: int | None, expires_at: int = FOREVER) -> list[Signal]:
    """Signals of equal weight, the first one's a little more where a whole does not divide."""
    share, rest = divmod(MICRO, len(points))
    return [
        Signal(f"signal-{at}", share + (rest if at == 0 else 0), None if one is None else one * MICRO, expires_at)
        for at, one in enumerate(points)
    ]


# --- published examples ---


def test_two_healthy_integrations_and_a_poor_one_are_two_thirds_healthy() -> None:
    """D14, Vitally: three integrations healthy, healthy, poor give 6.67 of 10."""
    score = health(observed(10, 10, 0), NOW).score

    assert score is not None
    assert half_up(score.numerator * 100, score.denominator) == 667


@pytest.mark.parametrize(("parent", "exact", "rounded"), [(10, "6.25", 6), (0, "3.75", 4)])
def test_a_group_is_as_healthy_as_its_members_are_on_average(parent: int, exact: str, rounded: int) -> None:
    """D15, Planhat: parent 10 or 0 with children 5, 5, 5."""
    group = mean([(Fraction(one), 1) for one in (parent, 5, 5, 5)])

    assert group == Fraction(exact)
    assert half_up(group.numerator, group.denominator) == rounded


@pytest.mark.parametrize(
    ("signals", "called"), [((GOOD, GOOD, None), "good"), ((GOOD, AVERAGE), "average"), ((GOOD, POOR), "poor")]
)
def test_a_rule_of_the_worst_passes_over_what_is_not_known(signals: tuple[Fraction | None, ...], called: str) -> None:
    """D16, Totango: {good, good, none}; {good, average}; {good, poor}."""
    score = worst(signals)

    assert score is not None
    assert CALLED[score] == called


@pytest.mark.parametrize(("value", "colour"), [(50, "red"), (51, "yellow"), (75, "yellow"), (76, "green")])
def test_the_upper_bound_of_a_band_belongs_to_it(value: int, colour: str) -> None:
    """D17, Gainsight: 50 is red, 51 and 75 are yellow, 76 is green."""
    bands = [Band(50 * MICRO, "red"), Band(75 * MICRO, "yellow"), Band(100 * MICRO, "green")]

    assert banded(value * MICRO, bands) == colour


# --- laws ---

POINTS = st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=1, max_size=6)


@given(POINTS, st.data())
def test_health_never_falls_when_a_signal_rises(points: list[int | None], data: st.DataObject) -> None:
    known = [at for at, one in enumerate(points) if one is not None]
    if not known:
        return
    at = data.draw(st.sampled_from(known))
    better = [*points]
    better[at] = data.draw(st.integers(points[at] or 0, 100))

    before, after = health(observed(*points), NOW, Fraction(0)), health(observed(*better), NOW, Fraction(0))

    assert before.score is not None
    assert after.score is not None
    assert after.score >= before.score


@given(POINTS)
def test_a_stale_signal_leaves_the_points_of_the_others_alone_and_only_the_weight_they_share(
    points: list[int | None],
) -> None:
    whole = observed(*points, 50)
    without = [*whole[:-1], whole[-1]._replace(expires_at=NOW)]

    before, after = health(whole, NOW, Fraction(0)), health(without, NOW, Fraction(0))

    assert after.coverage == before.coverage - Fraction(whole[-1].weight, MICRO)
    for kind, driver in after.drivers.items():
        assert driver * after.coverage == before.drivers[kind] * before.coverage


@given(POINTS)
def test_what_drives_a_score_sums_to_it(points: list[int | None]) -> None:
    result = health(observed(*points), NOW, Fraction(0))

    assert (result.score or 0) == sum(result.drivers.values())


def test_too_little_that_is_fresh_is_no_score_and_says_so() -> None:
    assert health(observed(90, None, None), NOW) == Health(None, Fraction(333_334, MICRO), {}, "insufficient_coverage")
    assert worst([None, None]) is None
    assert mean([(None, 5)]) is None


def test_weights_that_do_not_sum_to_one_and_bands_that_end_too_early_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        health([Signal("usage", 900_000, 50, FOREVER)], NOW)
    with pytest.raises(ValueError, match="end below"):
        banded(101, [Band(100, "green")])
