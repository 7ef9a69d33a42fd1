"""What is expected of renewals, at least, most likely and at most; and how well that came true."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contract.schedule import annual
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import unscaled
from projections.kpis.base import KpiContext, measure
from projections.kpis.forecast import FORECAST_ACCURACY, RENEWAL_FORECAST, Outlook, Predicted, expected, stood
from projections.kpis.presentation import figure
from projections.kpis.renewals import AVAILABLE_TO_RENEW, REVENUE_AT_RISK
from projections.views.forecasts import Forecast
from projections.views.renewals import Renewal
from tests.projections.kpis.contract_lines_factory import UTC, at
from tests.projections.kpis.test_renewal_rates import ROW

MILLION = 10**6


def term(atr: int, **more: Any) -> Renewal:
    """An open renewal."""
    return ROW._replace(atr=atr * MILLION, **more)


def forecast(*rows: Renewal, **options: str) -> dict[str, Any]:
    """The forecast of terms."""
    outlooks = [Outlook(row.account, row) for row in rows]
    terms = KpiContext(at("2025-01-01"), at("2026-01-01"), UTC, "USD", options=options)
    return figure(RENEWAL_FORECAST, measure(RENEWAL_FORECAST.methods["weighted"], outlooks), terms)


def submitted(
    category: str, probability: str | None, value: int, by: str = "key_1", day: str = "2025-05-01"
) -> Forecast:
    """A forecast of the row's contract."""
    money = value * MILLION
    return Forecast(
        "evt", 7, "rnw_1", "ctr_1", "2025-07-01", "acct_1", category, probability, money, "USD", by, at(day), 0
    )


def accuracy(*rows: Predicted, **options: str) -> dict[str, Any]:
    """How well forecasts came true."""
    terms = KpiContext(at("2025-01-01"), at("2026-01-01"), UTC, "USD", options=options)
    return figure(FORECAST_ACCURACY, measure(FORECAST_ACCURACY.methods["standing"], rows), terms)


# --- worked examples ---


def test_d19_a_pool_of_two_millions_at_ninety_percent() -> None:
    """Source: reference/product.md 3.8, D19."""
    answer = forecast(term(2_000_000, category="commit", chance="0.9", expected=2_000_000 * MILLION))

    assert answer["value"] == "1800000.00"


def test_d23_only_what_recurs_is_forecast_and_by_the_year() -> None:
    """Source: reference/product.md 3.8, D23: once 1,000,000; monthly 10 x 5; annual 1,000 x 2; rate 100."""
    recurring = annual("5", "10", "month") + annual("2", "1000", "year")
    answer = forecast(ROW._replace(atr=recurring, risk="on_track", probability="1"))

    assert (answer["value"], answer["available_to_renew"]) == ("2600.00", "2600.00")


# --- forecast ---


def test_low_is_committed_at_its_chance_base_is_weighted_and_high_is_all_that_is_not_given_up() -> None:
    rows = [
        term(1000, category="commit", chance="0.9", expected=1100 * MILLION),
        term(500, category="best_case", expected=500 * MILLION, contract="ctr_2"),
        term(200, category="at_risk", chance="0.4", expected=100 * MILLION, contract="ctr_3"),
        term(100, category="lost", expected=100 * MILLION, contract="ctr_4"),
    ]

    answer = forecast(*rows)

    assert (answer["low"], answer["base"], answer["high"]) == ("990.00", "1405.00", "1700.00")
    assert (answer["value"], answer["numerator"]) == ("1405.00", "1405.00")
    assert answer["uplift"] == "50.00"  # 0.9 x 100 - 0.4 x 100
    assert answer["available_to_renew"] == "1800.00"


@pytest.mark.parametrize(
    ("risk", "value"),
    [("on_track", "950.00"), ("watch", "750.00"), ("at_risk", "450.00"), ("critical", "150.00"), (None, "950.00")],
)
def test_without_a_forecast_the_risk_says_how_likely_it_is(risk: str | None, value: str) -> None:
    answer = forecast(term(1000, risk=risk))

    assert answer["value"] == value
    assert answer["warnings"] == ([] if risk else [{"code": "unassessed_renewals", "count": 1}])


def test_the_newest_forecast_counts_before_the_risk_and_a_probability_before_its_default() -> None:
    assert expected(term(1000, risk="critical", category="commit", expected=7)).chance == 950_000
    assert expected(term(1000, risk="critical", probability="0.3")).chance == 300_000
    assert expected(term(1000, category="commit", chance="0.5", expected=7)).chance == 500_000


def test_what_is_decided_is_certain_and_under_notice_nothing_is_expected() -> None:
    won = term(1000, outcome="renewed", renewed=1200 * MILLION)
    lost = term(1000, outcome="lost", contract="ctr_2", category="commit", expected=9 * MILLION)
    noticed = term(1000, noticed=True, contract="ctr_3")

    answer = forecast(won, lost, noticed)

    assert (answer["low"], answer["base"], answer["high"], answer["renewed"]) == (
        "1200.00",
        "1200.00",
        "1200.00",
        "1200.00",
    )
    assert answer["warnings"] == []


def test_groups_sum_to_the_whole_however_they_are_rounded() -> None:
    parts = {"retainer": 1, "social": 1, "search": 1}
    answer = forecast(term(100, products=parts, risk="watch"), group_by="product")

    assert [one["name"] for one in answer["groups"]] == ["retainer", "search", "social"]
    assert sum(Fraction(one["base"]) for one in answer["groups"]) == Fraction(answer["base"]) == 75
    with pytest.raises(Invalid) as refused:
        forecast(term(100), group_by="moon")
    assert refused.value.code == "invalid_option"


AMOUNT = st.integers(-(10**13), 10**13)
CHANCE = st.none() | st.integers(0, MILLION).map(unscaled)
TERMS = st.builds(
    ROW._replace,
    contract=st.sampled_from(["ctr_1", "ctr_2", "ctr_3"]),
    outcome=st.sampled_from(["open", "open", "open", "renewed", "lost"]),
    auto_renew=st.booleans(),
    noticed=st.booleans(),
    atr=AMOUNT,
    renewed=st.none() | AMOUNT,
    risk=st.sampled_from([None, "on_track", "watch", "at_risk", "critical"]),
    probability=CHANCE,
    category=st.sampled_from([None, "commit", "best_case", "at_risk", "lost"]),
    chance=CHANCE,
    expected=st.none() | AMOUNT,
    products=st.dictionaries(st.sampled_from("abc"), AMOUNT, max_size=3),
)
"""Whatever may be said of a term, credits, which are below nothing, among it."""


def naive_bounds(row: Renewal) -> tuple[Fraction, Fraction, Fraction]:
    """The same in words of the page of KPIs, apart from the product."""
    if row.outcome != "open":
        certain = Fraction(row.renewed or 0) if row.outcome == "renewed" else Fraction(0)
        return certain, certain, certain
    category, value, chance = row.category, row.atr, Fraction(row.chance or 0)
    if category is not None:
        value = value if row.expected is None else row.expected
        if row.chance is None:
            chance = {"commit": Fraction(95, 100), "best_case": Fraction(3, 4), "at_risk": Fraction(45, 100)}.get(
                category, Fraction(0)
            )
    elif row.noticed:
        category, chance = "lost", Fraction(0)
    else:
        risk = row.risk or "on_track"
        category = {"on_track": "commit", "watch": "best_case"}.get(risk, "at_risk")
        chance = {
            "on_track": Fraction(95, 100),
            "watch": Fraction(3, 4),
            "at_risk": Fraction(45, 100),
            "critical": Fraction(15, 100),
        }[risk]
        chance = chance if row.probability is None else Fraction(row.probability)
    outcomes = {"commit": [value * chance, value], "lost": [0, value * chance]}.get(category, [0, value])
    return Fraction(min(outcomes)), value * chance, Fraction(max(outcomes))


@given(st.lists(TERMS, max_size=6))
def test_low_base_and_high_are_in_this_order_in_all_and_in_every_group_and_groups_sum_to_the_whole(
    terms: list[Renewal],
) -> None:
    answer = forecast(*terms, group_by="product")

    for at_, name in enumerate(("low", "base", "high")):
        exact = sum((naive_bounds(row)[at_] for row in terms), Fraction(0)) / MILLION
        assert abs(Fraction(answer[name]) - exact) <= Fraction(1, 200)
        assert sum(Fraction(one[name]) for one in answer["groups"]) == Fraction(answer[name])
    for one in (answer, *answer["groups"]):
        assert Fraction(one["low"]) <= Fraction(one["base"]) <= Fraction(one["high"])


def test_a_promise_that_may_fail_is_worth_no_more_than_its_chance_at_the_least() -> None:
    answer = forecast(*(term(1000, category="commit", expected=1000 * MILLION, contract=f"ctr_{n}") for n in range(10)))

    assert (answer["low"], answer["base"], answer["high"]) == ("9500.00", "9500.00", "10000.00")


def test_a_credit_is_least_where_it_comes_whole() -> None:
    answer = forecast(term(1000, risk="watch"), term(-200, risk="watch", contract="ctr_2"))

    assert (answer["low"], answer["base"], answer["high"]) == ("-200.00", "600.00", "1000.00")


# --- what is available and what is at risk ---


def summed(kpi: Any, method: str, *rows: Renewal) -> Fraction | None:
    return measure(kpi.methods[method], rows).value


def test_what_falls_due_is_available_whatever_became_of_it() -> None:
    rows = [term(1000), term(300, outcome="lost"), term(200, outcome="renewed", renewed=0)]

    assert summed(AVAILABLE_TO_RENEW, "in_force", *rows) == 1500


@pytest.mark.parametrize(
    ("more", "at_stake"),
    [
        ({}, 0), ({"risk": "on_track"}, 0), ({"category": "commit"}, 0), ({"risk": "watch"}, 1000), ({"category": "best_case"}, 1000),
        ({"risk": "on_track", "category": "lost"}, 1000), ({"noticed": True}, 1000), ({"risk": "critical", "outcome": "lost"}, 0),
    ],
)  # fmt: skip
def test_only_what_is_sure_is_not_at_risk(more: dict[str, Any], at_stake: int) -> None:
    assert summed(REVENUE_AT_RISK, "annual", term(1000, **more)) == at_stake


# --- accuracy ---


def test_accuracy_bias_and_brier_score_by_person() -> None:
    won = term(1000, outcome="renewed", renewed=1000 * MILLION)
    lost = term(1000, outcome="lost", contract="ctr_2")
    answer = accuracy(
        Predicted("acct_1", won, submitted("commit", "0.9", 1000)),
        Predicted("acct_1", lost, submitted("best_case", "0.5", 600, "key_2")),
    )

    # Forecast 900 + 300, renewed 1,000: 200 too high. Brier: (0.1^2 + 0.5^2) / 2.
    assert (answer["value"], answer["bias"], answer["brier_score"]) == ("0.8", "0.2", "0.13")
    assert (answer["numerator"], answer["denominator"], answer["days_before"]) == ("1200.00", "1000.00", 30)
    assert answer["by_person"] == [
        {"by": "key_1", "value": "0.9", "bias": "-0.1", "brier_score": "0.01", "renewals": 1},
        {"by": "key_2", "value": None, "bias": None, "brier_score": "0.25", "renewals": 1},
    ]


def test_what_is_undecided_or_was_never_forecast_is_left_out_with_a_warning() -> None:
    answer = accuracy(
        Predicted("acct_1", term(1000), submitted("commit", None, 1000)),
        Predicted("acct_1", term(1000, outcome="renewed", renewed=5 * MILLION, contract="ctr_2"), None),
    )

    assert (answer["value"], answer["null_reason"]) == (None, "no_forecasts_in_period")
    assert {one["code"]: one["count"] for one in answer["warnings"]} == {
        "undecided_renewals": 1,
        "renewals_without_forecast": 1,
    }


def test_nothing_renewed_has_no_accuracy() -> None:
    answer = accuracy(Predicted("acct_1", term(1000, outcome="lost"), submitted("commit", None, 1000)))

    assert (answer["value"], answer["null_reason"], answer["brier_score"]) == (
        None,
        "nothing_renewed_in_period",
        "0.9025",
    )


def test_the_forecast_that_stood_is_the_newest_before_the_day() -> None:
    may, june = submitted("commit", None, 1), submitted("lost", None, 2, day="2025-06-01")

    assert stood([june, may], at("2025-06-01")) == may
    assert stood([june, may], at("2025-06-02")) == june
    assert stood([june], at("2025-06-01")) is None


@pytest.mark.parametrize("days", ["-1", "1001", "ten", "", "1e3", "٣"])
def test_days_before_is_a_plain_number(days: str) -> None:
    with pytest.raises(Invalid) as refused:
        accuracy(days_before=days)

    assert refused.value.code == "invalid_option"
