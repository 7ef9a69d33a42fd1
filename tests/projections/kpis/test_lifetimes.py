"""Customer lifetime value by its three models, from contract lines."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid
from app.domain.policy.rules import MetricRules
from projections.kpis.base import ComputedValue, KpiContext, measure
from projections.kpis.customer_lifetimes import Tenure, customer_lifetimes
from projections.kpis.lifetimes import CUSTOMER_LIFETIME_VALUE as KPI
from projections.kpis.lifetimes import churn_rates
from projections.kpis.product_limit import area, points, product_limit, root
from projections.survival import Point
from projections.views.contract_lines import ContractLine
from tests.projections.kpis.contract_lines_factory import UTC, at, line, steady
from tests.projections.kpis.test_exactness import leaves
from tests.support.campaigns import examples

DEATHS = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
CALENDAR = {0: "2024-12", 1: "2025-01", 2: "2025-02", 3: "2025-03", 4: "2025-04", 5: "2025-05", 6: "2025-06"}


def computed(
    book: list[ContractLine], until: str, method: str, rules: MetricRules | None = None, **options: str
) -> ComputedValue:
    """A lifetime value, seen until a day's first instant, in dollars."""
    terms = KpiContext(at(until), at(until), UTC, "USD", rules or MetricRules(), options)
    rows = customer_lifetimes(book, at(until))
    method_ = KPI.methods[method]
    assert method_.compute is not None
    return method_.compute(measure(method_, rows), terms)


def turning(number: int, price: str = "100") -> list[ContractLine]:
    """So many accounts at the beginning of every month of 2025, one of which leaves in it, for another that joins."""
    stay = steady(number - 1, price)
    months = [f"{CALENDAR[month]}-15" for month in range(7)]
    return [*stay, *(line(f"guest-{month}", price, months[month - 1], months[month]) for month in range(1, 7)),
            line("guest-7", price, months[6])]  # fmt: skip


# --- simple ---


def test_a_hundred_a_month_and_five_percent_of_churn_are_two_thousand() -> None:
    """Source: D5, product.md 3.8: ChartMogul, LTV: ARPA 100, trailing churn 5%."""
    answer = computed(turning(20), "2025-07-01", "simple")

    assert answer.value == 2000
    assert answer.members["churn_rate"] == "0.05"
    assert answer.members["expected_lifetime"] == "1.666667"
    assert computed(turning(20), "2025-07-01", "simple", margin="0.8").value == 1600


def test_the_running_month_does_not_count_towards_the_trailing_churn() -> None:
    rates = churn_rates(customer_lifetimes(turning(20), at("2025-07-20")), KpiContext(0, at("2025-07-20"), UTC))

    assert rates == [Fraction(1, 20)] * 6
    assert (
        computed([*turning(20), line("late", "100", "2024-01-01", "2025-07-10")], "2025-07-20", "simple").members[
            "churn_rate"
        ]
        == "0.047619"
    )


def test_without_churn_a_simple_value_is_null_and_never_infinite() -> None:
    answer = computed(steady(5, "10"), "2025-07-01", "simple")

    assert (answer.value, answer.null_reason, answer.members["churn_rate"]) == (None, "no_churn", "0")
    assert answer.members["expected_lifetime"] is None


def test_a_simple_value_needs_an_account_that_pays_and_a_month_that_is_over() -> None:
    gone = [line("a", "10", "2025-01-01", "2025-06-01")]

    assert computed(gone, "2025-07-01", "simple").null_reason == "no_paying_accounts"
    assert computed([line("a", "10", "2025-06-15")], "2025-06-20", "simple").null_reason == "no_full_month"
    assert computed([], "2025-06-20", "simple").null_reason == "no_paying_accounts"


def test_an_option_that_a_simple_value_does_not_use_is_a_warning() -> None:
    answer = computed(turning(20), "2025-07-01", "simple", discount_rate="0.2", horizon="3")

    assert answer.warnings["option_not_used"] is None
    assert (answer.members["discount_rate"], answer.members["horizon"]) == (None, None)


# --- Kaplan-Meier ---


def test_the_product_limit_of_the_teaching_data_is_exact_to_four_digits() -> None:
    """Source: D25, product.md 3.8: Kaplan-Meier teaching data, 21 patients on 6-MP."""
    estimate = product_limit(points([Tenure(t, True) for t in DEATHS] + [Tenure(t, False) for t in CENSORED]))
    shares = {one.period: one.share for one in estimate}

    assert [round(float(shares[t]), 4) for t in (6, 7, 10, 13)] == [0.8571, 0.8067, 0.7529, 0.6902]
    assert shares[6] == Fraction(6, 7)
    assert (
        shares[35]
        == shares[23]
        == Fraction(6, 7)
        * Fraction(16, 17)
        * Fraction(14, 15)
        * Fraction(11, 12)
        * Fraction(10, 11)
        * Fraction(6, 7)
        * Fraction(5, 6)
    )
    errors = {one.period: root(one.variance) for one in estimate}
    assert [errors[t] for t in (6, 7, 10, 13)] == [
        "0.07636",
        "0.086935",
        "0.09635",
        "0.106815",
    ]  # Greenwood, as R prints


def test_a_curve_is_multiplied_into_money_up_to_the_horizon() -> None:
    book = [line("gone", "100", "2020-01-01", "2021-01-01"), *steady(3, "100", "2020-01-01")]
    answer = computed(book, "2022-06-01", "kaplan_meier", discount_rate="0.25")

    assert [row["share"] for row in answer.members["survival"]] == ["1", "0.75", "0.75"]
    assert answer.members["survival"][1]["standard_error"] == "0.216506"
    assert answer.members["expected_lifetime"] == "1.75"
    assert answer.value == 1200 * (1 + Fraction(3, 4) * Fraction(4, 5))
    assert answer.members["observations"] == {
        "accounts": 4, "tenures": 4, "lost": 1, "censored": 3,
        "periods": [
            {"period": 1, "at_risk": 4, "lost": 1, "survivors": 3}, {"period": 2, "at_risk": 3, "lost": 0, "survivors": 3},
        ],
    }  # fmt: skip
    assert answer.warnings == {"still_running": 3, "few_observations": 4}


def test_nothing_is_made_up_beyond_what_was_seen() -> None:
    book = [line("gone", "100", "2020-01-01", "2021-01-01"), *steady(3, "100", "2020-01-01")]
    beyond = computed(book, "2022-06-01", "kaplan_meier", horizon="40")

    assert beyond.value == computed(book, "2022-06-01", "kaplan_meier").value
    assert (beyond.members["horizon"], "horizon_beyond_observation" in beyond.warnings) == (2, True)
    assert computed(book, "2022-06-01", "kaplan_meier", horizon="1").value == 1200


def test_censored_accounts_are_never_counted_as_lost() -> None:
    answer = computed(steady(4, "100", "2020-01-01"), "2023-06-01", "kaplan_meier", discount_rate="0")

    assert answer.value == 3600
    assert answer.warnings["no_losses"] is None
    assert {row["share"] for row in answer.members["survival"]} == {"1"}


def test_a_curve_needs_a_period_that_is_over() -> None:
    answer = computed(steady(4, "100", "2023-01-01"), "2023-06-01", "kaplan_meier")

    assert (answer.value, answer.null_reason) == (None, "too_few_periods")
    assert computed(
        steady(4, "100", "2023-01-01"), "2023-06-02", "kaplan_meier", period="month"
    ).value == 500 - _discount(5)


def _discount(months: int) -> Fraction:
    """What five payments of a hundred lose to a tenth a year."""
    return 100 * sum((1 - Fraction(120, 121) ** month for month in range(months)), Fraction(0))


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_where_nothing_is_censored_the_product_limit_is_the_simple_share(lasted: list[int]) -> None:
    """Source: product.md 3.10, property 11."""
    for one in product_limit(points([Tenure(periods, True) for periods in lasted])):
        share = Fraction(sum(periods > one.period for periods in lasted), len(lasted))
        assert one.share == share
        assert one.variance == share * (1 - share) * Fraction(1, len(lasted))


@settings(max_examples=examples(80), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.booleans()).map(lambda tenure: Tenure(tenure[0], tenure[1] and tenure[0] > 0)),
        min_size=1,
    )
)
def test_survival_only_falls_and_every_account_is_at_risk_as_long_as_it_was_seen(tenures_: list[Tenure]) -> None:
    observed = points(tenures_)
    shares = [point.share for point in product_limit(observed)]

    assert shares == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)
    assert sum(point.at_risk for point in observed) == sum(tenure.periods for tenure in tenures_)
    assert sum(point.lost for point in observed) == sum(tenure.lost for tenure in tenures_)
    assert area(shares, 5, Fraction(1, 10)) <= area(shares, 5, Fraction(0)) <= area(shares, 6, Fraction(0))


@settings(max_examples=examples(80), deadline=None)
@given(st.fractions(0, 10**6, max_denominator=10**9))
def test_a_root_is_the_nearest_millionth(value: Fraction) -> None:
    answer = Fraction(root(value))
    step = Fraction(1, 2 * 10**6)
    assert (answer - step) ** 2 <= value or answer == 0
    assert value <= (answer + step) ** 2


# --- shifted beta-geometric ---


def cohort(survivors: list[int], start: int = 2015, name: str = "one") -> list[ContractLine]:
    """Accounts of which so many are left after each year."""
    book: list[ContractLine] = []
    for year, (before, after) in enumerate(zip(survivors, [*survivors[1:], 0], strict=True), 1):
        last = year == len(survivors)
        end = None if last else f"{start + year}-01-01"
        book += steady(before if last else before - after, "100", f"{start}-01-01", end, f"{name}-{year}")
    return book


SMALL = [100, 86, 74, 65, 59, 55, 51, 49]


def test_a_value_is_margin_times_what_a_period_pays_times_the_discounted_lifetime() -> None:
    answer = computed(cohort(SMALL), "2022-06-01", "sbg", discount_rate="0.1", margin="0.5")
    members = answer.members

    assert members["parameters"] == {"alpha": "0.62246", "beta": "3.408833"}
    assert answer.value is not None
    lifetime = answer.value / 600
    assert 5 < lifetime < 7
    first = members["residual_lifetime"][0]
    assert abs(1 + Fraction(first["value"]) * Fraction(10, 11) - lifetime) < Fraction(1, 10**5), (
        "now, and what is left then"
    )
    assert abs(Fraction(first["residual_value"]) - 600 * Fraction(first["value"])) < Fraction(1, 100)
    assert [row["renewals_made"] for row in members["residual_lifetime"]] == list(range(8))
    assert abs(Fraction(members["log_likelihood_per_1000"]) - 10 * Fraction(members["log_likelihood"])) < Fraction(
        1, 10**4
    )
    assert members["expected_lifetime"] is None
    assert answer.warnings == {"still_running": 49, "expected_lifetime_unbounded": None}


def test_a_horizon_limits_what_is_counted() -> None:
    whole = computed(cohort(SMALL), "2022-06-01", "sbg")
    limited = computed(cohort(SMALL), "2022-06-01", "sbg", horizon="1")

    assert limited.value == 1200
    assert limited.members["expected_lifetime"] == "1"
    assert whole.value is not None
    assert whole.value > 1200
    assert len(computed(cohort(SMALL), "2022-06-01", "sbg", horizon="30").members["survival"]) == 31


@pytest.mark.parametrize(
    ("book", "until", "reason"),
    [
        (cohort([10, 8]), "2016-06-01", "too_few_periods"),
        (cohort([10, 8]), "2015-06-01", "too_few_periods"),
        ([line("a", "10", "2015-01-01", "2016-01-01")], "2020-01-01", "no_paying_accounts"),
        (steady(9, "10", "2015-01-01"), "2020-06-01", "no_losses"),
        ([], "2020-01-01", "no_paying_accounts"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_null_and_says_why(book: list[ContractLine], until: str, reason: str) -> None:
    answer = computed(book, until, "sbg")

    assert (answer.value, answer.null_reason) == (None, reason)


def test_a_lifetime_without_bound_is_null() -> None:
    answer = computed(cohort(SMALL), "2022-06-01", "sbg", discount_rate="0")

    assert (answer.value, answer.null_reason) == (None, "lifetime_unbounded")
    assert computed(cohort(SMALL), "2022-06-01", "sbg", discount_rate="0", horizon="600").value is not None


def test_accounts_that_are_alike_are_flagged() -> None:
    answer = computed(cohort([1000, 800, 600, 300, 100, 10]), "2020-06-01", "sbg")

    assert answer.warnings["homogeneous_cohort"] is None
    assert answer.value is not None


def test_cohorts_of_different_ages_are_stacked_and_a_return_is_a_new_subject() -> None:
    young = cohort([50, 40, 35], 2020, "two")
    back = [line("one-1-0", "100", "2018-01-01", contract="again")]
    answer = computed([*cohort(SMALL), *young, *back], "2022-06-01", "sbg")

    observations = answer.members["observations"]
    assert (observations["accounts"], observations["tenures"]) == (150, 151)
    assert observations["periods"][0] == {"period": 1, "at_risk": 151, "lost": 24, "survivors": 127}
    assert observations["periods"][2]["at_risk"] == 74 + 1


# --- all of them ---


@pytest.mark.parametrize("method", list(KPI.methods))
def test_no_amount_enters_a_model_so_that_prices_change_nothing_but_money(method: str) -> None:
    cheap, dear = ([one._replace(annual=one.annual * factor) for one in cohort(SMALL)] for factor in (1, 1000))
    one, other = computed(cheap, "2022-06-01", method), computed(dear, "2022-06-01", method)

    assert one.value is not None
    assert other.value == one.value * 1000
    money = {"revenue_per_period", "residual_lifetime"}
    assert {name: one.members[name] for name in one.members.keys() - money} == {
        name: other.members[name] for name in other.members.keys() - money
    }
    assert {type(leaf) for leaf in leaves(dict(one.members))} <= {str, int, type(None)}


def test_margin_and_discount_rate_are_the_rules_unless_the_question_says_otherwise() -> None:
    rules = MetricRules(gross_margin="0.5", discount_rate="0.25")
    book = [line("gone", "100", "2020-01-01", "2021-01-01"), *steady(3, "100", "2020-01-01")]

    assert computed(book, "2022-06-01", "kaplan_meier", rules).value == 600 * (1 + Fraction(3, 4) * Fraction(4, 5))
    assert computed(book, "2022-06-01", "kaplan_meier", rules, margin="1", discount_rate="0").value == 2100


@pytest.mark.parametrize(
    "options",
    [
        {"discount_rate": "1.5"},
        {"discount_rate": "-0.1"},
        {"discount_rate": "ten"},
        {"discount_rate": "0.1234567"},
        {"margin": "2"},
        {"margin": ""},
        {"horizon": "0"},
        {"horizon": "601"},
        {"horizon": "1e3"},
        {"horizon": "９"},
        {"period": "week"},
    ],
)
@pytest.mark.parametrize("method", list(KPI.methods))
def test_an_option_that_makes_no_sense_is_refused_by_name(method: str, options: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        computed(turning(20), "2025-07-01", method, **options)
    assert refused.value.code == "invalid_option"


def test_a_point_says_how_many_were_at_risk() -> None:
    assert points([Tenure(1, True), Tenure(2, False), Tenure(0, False)]) == (Point(1, 2, 1), Point(2, 1, 0))
