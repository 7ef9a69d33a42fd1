"""Lifetimes, cohorts and concentration of an application, under both clocks, on both databases.

Source of the thousand clients: P. Fader, B. Hardie, How to Project Customer Retention (2007), the "High End" segment.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from app.domain.contract.commands import SuspendContract, TerminateContract
from app.domain.kernel.errors import Invalid
from app.domain.policy.rules import MetricRules
from projections.kpis import KPIS
from projections.kpis.base import RowKind
from tests.kpi_queries.history_factory import account, ask, contract, explained, in_force, rates
from tests.kpi_queries.test_cohort import TENTH, WHOLE
from tests.support.application import Steward
from tests.support.databases import BACKENDS, Databases

CLV = "customer_lifetime_value"
SEEN = "2022-06-30"
"""Seven renewals lie behind."""


@pytest.fixture(scope="module", params=BACKENDS)
def tenth(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Steward]:
    """A tenth of the thousand clients, for tests that only ask."""
    made = Steward(databases.fresh(request.param))
    assert {item.status for item in made.ingest_file(TENTH)} == {"accepted"}
    made.catch_up()
    yield made
    made.close()


def value_of(
    steward: Steward, method: str, as_of: str = SEEN, known_at: object = None, **options: str
) -> dict[str, Any]:
    return ask(steward, CLV, None, method, as_of=as_of, known_at=known_at, options=options)


@pytest.mark.skipif(not WHOLE.exists(), reason="the whole cohort is not part of the repository")
def test_the_whole_cohort_is_fitted_as_published(sqlite_steward: Steward) -> None:
    """Source: D24, product.md 3.8: alpha 0.668, beta 3.806, -1611.16 for 1,000."""
    assert {item.status for item in sqlite_steward.ingest_file(WHOLE)} == {"accepted"}
    sqlite_steward.catch_up()

    answer = value_of(sqlite_steward, "sbg", discount_rate="0.1")

    assert abs(Fraction(answer["parameters"]["alpha"]) - Fraction("0.668")) <= Fraction("0.002")
    assert abs(Fraction(answer["parameters"]["beta"]) - Fraction("3.806")) <= Fraction("0.002")
    assert abs(Fraction(answer["log_likelihood_per_1000"]) - Fraction("-1611.16")) <= Fraction("0.01")
    assert (answer["value"], answer["revenue_per_period"]) == ("7106.71", "1200.00")
    assert [row["survivors"] for row in answer["observations"]["periods"]] == [869, 743, 653, 593, 551, 517, 491]
    assert [row["share"] for row in value_of(sqlite_steward, "kaplan_meier")["survival"]] == [
        "1", "0.869", "0.743", "0.653", "0.593", "0.551", "0.517", "0.491",
    ]  # fmt: skip


def test_a_tenth_of_it_is_fitted_from_what_was_lost_until_then(tenth: Steward) -> None:
    answer = value_of(tenth, "sbg")

    assert answer["parameters"] == {"alpha": "0.62246", "beta": "3.408833"}
    assert (answer["model"], answer["period_length"], answer["horizon"], answer["cohort"]) == (
        "shifted_beta_geometric", "year", None, None,
    )  # fmt: skip
    assert {name: answer["observations"][name] for name in ("accounts", "tenures", "lost", "censored")} == {
        "accounts": 100, "tenures": 100, "lost": 51, "censored": 49,
    }  # fmt: skip
    assert len(value_of(tenth, "sbg", as_of="2018-06-30")["observations"]["periods"]) == 3
    assert value_of(tenth, "sbg", as_of="2021-12-31")["observations"]["censored"] == 51
    assert value_of(tenth, "sbg", as_of="2016-06-30")["null_reason"] == "too_few_periods"
    assert value_of(tenth, "sbg", as_of="2014-06-30")["null_reason"] == "no_paying_accounts"
    assert value_of(tenth, "sbg", as_of="2026-06-30")["null_reason"] == "no_paying_accounts"


def test_a_cohort_is_who_first_paid_in_it(tenth: Steward) -> None:
    whole = value_of(tenth, "sbg")

    for cohort in ("2015", "2015-01", "2015-Q1"):
        assert value_of(tenth, "sbg", cohort=cohort)["parameters"] == whole["parameters"]
        assert value_of(tenth, "sbg", cohort=cohort)["cohort"] == cohort
    assert value_of(tenth, "sbg", cohort="2015-02")["observations"]["accounts"] == 0
    for wrong in ("15", "2015-13", "2015-Q5", "2015-1", "2015-01-01", ""):
        with pytest.raises(Invalid) as refused:
            value_of(tenth, "sbg", cohort=wrong)
        assert refused.value.code == "invalid_option"


def test_cohorts_of_the_tenth_are_its_published_survivors(tenth: Steward) -> None:
    answer = ask(tenth, "cohort_retention", None, as_of=SEEN, options={"granularity": "year"})

    assert [(cell["cohort"], cell["value"], cell["mature"]) for cell in answer["cells"]] == [
        ("2015", value, age < 7) for age, value in enumerate(("100", "86", "74", "65", "59", "55", "51", "49"))
    ]
    assert answer["value"] == "0.49"
    revenue = ask(tenth, "cohort_retention", None, "revenue", as_of="2016-01-31")
    assert [cell["share"] for cell in revenue["cells"]] == ["1"] * 12 + ["0.86"]
    assert revenue["cells"][-1]["mature"]
    assert revenue["currency"] == "USD"


@pytest.mark.parametrize(
    "name", [kpi.name for kpi in KPIS if kpi.reads in (RowKind.LIFETIMES, RowKind.COHORTS, RowKind.ACCOUNT_WEIGHTS)]
)
def test_every_method_is_explained_page_by_page_at_every_stage(tenth: Steward, name: str) -> None:
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    for method in kpi.methods:
        for as_of in ("2014-06-30", "2015-06-30", SEEN, "2026-06-30"):
            answer, whole, _ = explained(tenth, name, None, method=method, as_of=as_of, limit=1000)
            for part in ("numerator", "denominator"):
                assert sum(Fraction(row["contribution"][part]) for row in whole) == Fraction(answer[part])
            assert all(row["events"] for row in whole)
            if whole:
                _, first, after = explained(tenth, name, None, method=method, as_of=as_of, limit=3)
                _, second, _ = explained(tenth, name, None, method=method, as_of=as_of, limit=3, after=after)
                assert first + second == whole[:6]


def test_an_explanation_tells_each_tenure_and_the_events_that_made_it(steward: Steward) -> None:
    left = account(steward, "Left")
    first = contract(steward, left, "100", "2021-01-01")
    steward.do(TerminateContract(effective_end="2022-03-01", reason="gone", voluntary=True), contract=first)
    contract(steward, left, "100", "2024-01-01", effective_at="2024-01-01")
    steward.catch_up()

    _, [row], _ = explained(steward, CLV, None, method="kaplan_meier", as_of="2025-12-31")

    assert row["tenures"] == [
        {"start": "2021-01-01T00:00:00.000000Z", "end": "2022-03-01T00:00:00.000000Z", "censored": False},
        {"start": "2024-01-01T00:00:00.000000Z", "end": None, "censored": True},
    ]
    assert [event["type"] for event in row["events"]] == [
        "contract.drafted", "contract.signed", "contract.terminated", "contract.drafted", "contract.signed",
    ]  # fmt: skip
    answer = value_of(steward, "kaplan_meier", "2025-12-31")
    assert answer["observations"]["periods"] == [
        {"period": 1, "at_risk": 2, "lost": 0, "survivors": 2},
        {"period": 2, "at_risk": 1, "lost": 1, "survivors": 0},
    ]


def test_what_was_known_of_tenures_never_changes(steward: Steward) -> None:
    accounts = [account(steward, f"Client {number}") for number in range(4)]
    contracts = [contract(steward, one, "100", "2021-01-01") for one in accounts]
    steward.do(TerminateContract(effective_end="2022-01-01", reason="gone", voluntary=True), contract=contracts[0])
    known = steward.catch_up()
    before = {method: value_of(steward, method, "2025-12-31", known) for method in ("simple", "kaplan_meier", "sbg")}
    assert before["kaplan_meier"]["survival"][1]["share"] == "0.75"

    steward.do(
        TerminateContract(effective_end="2023-01-01", reason="recorded late", voluntary=True), contract=contracts[1]
    )
    steward.catch_up()

    assert {method: value_of(steward, method, "2025-12-31", known) for method in before} == before
    assert value_of(steward, "kaplan_meier", "2025-12-31")["survival"][2]["share"] == "0.5"
    assert value_of(steward, "kaplan_meier", "2022-12-31")["survival"][-1]["share"] == "0.75"


def test_a_rest_goes_on_and_does_not_end_a_tenure(steward: Steward) -> None:
    one = contract(steward, account(steward, "Resting"), "100", "2021-01-01")
    contract(steward, account(steward, "Other"), "100", "2021-01-01")
    steward.do(SuspendContract(effective_at="2022-05-01", effective_end="2022-09-01"), contract=one)
    steward.catch_up()

    answer = value_of(steward, "kaplan_meier", "2024-06-30")
    assert answer["observations"] | {"periods": []} == {
        "accounts": 2, "tenures": 2, "lost": 0, "censored": 2, "periods": [],
    }  # fmt: skip
    assert answer["warnings"][0] == {"code": "still_running", "count": 2}


def test_the_simple_churn_is_the_mean_of_the_monthly_churn_rates(fixture_f1: Steward) -> None:
    months = [f"2025-{month:02d}-01" for month in range(2, 9)]
    rates = [
        Fraction(answer["numerator"]) / Fraction(answer["denominator"])
        for period in zip(months, months[1:], strict=False)
        for answer in [ask(fixture_f1, "customer_churn_rate", period)]
    ]
    mean = sum(rates, Fraction(0)) / 6

    answer = value_of(fixture_f1, "simple", "2025-08-10")

    assert mean > 0
    assert abs(Fraction(answer["churn_rate"]) - mean) <= Fraction(1, 2 * 10**6)
    arpa = Fraction(answer["numerator"]) / Fraction(answer["denominator"])
    assert abs(Fraction(answer["value"]) - arpa / mean) <= Fraction(1, 200)


def test_several_currencies_are_refused_for_money_and_counted_for_logos(steward: Steward) -> None:
    contract(steward, account(steward, "Dollars"), "100", "2021-01-01")
    contract(steward, account(steward, "Euros"), "300", "2021-01-01", currency="EUR")
    steward.catch_up()

    for name, method in (
        (CLV, "simple"),
        (CLV, "kaplan_meier"),
        (CLV, "sbg"),
        ("cohort_retention", "revenue"),
        ("concentration", None),
    ):
        with pytest.raises(Invalid) as refused:
            ask(steward, name, None, method, as_of="2025-12-31")
        assert refused.value.code == "mixed_currencies"
        assert ask(steward, name, None, method, as_of="2025-12-31", currency="EUR")["currency"] == "EUR"
    assert ask(steward, "cohort_retention", None, "logos", as_of="2025-12-31")["value"] == "1"
    assert ask(steward, "concentration", None, as_of="2025-12-31", currency="EUR")["largest"][0]["arr"] == "3600.00"


def test_an_option_of_another_figure_is_refused(tenth: Steward) -> None:
    for name, options in ((CLV, {"top": "3"}), ("concentration", {"horizon": "3"}), ("mrr", {"cohort": "2015"})):
        with pytest.raises(Invalid) as refused:
            ask(tenth, name, None, as_of=SEEN, options=options)
        assert refused.value.code == "option_not_allowed"


def test_margin_and_discount_are_the_policys_unless_the_question_says_otherwise(steward: Steward) -> None:
    in_force(steward, MetricRules(gross_margin="0.5", discount_rate="0.25"))
    gone, *_ = [contract(steward, account(steward, f"Client {number}"), "100", "2020-01-01") for number in range(4)]
    steward.do(TerminateContract(effective_end="2021-01-01", reason="gone", voluntary=True), contract=gone)
    steward.catch_up()

    answer = value_of(steward, "kaplan_meier", "2022-06-01")

    assert (answer["value"], answer["gross_margin"], answer["discount_rate"]) == ("960.00", "0.5", "0.25")
    assert answer["policy_version"] == "metric@default/1"
    assert value_of(steward, "kaplan_meier", "2022-06-01", margin="1")["value"] == "1920.00"


def test_tenures_are_counted_by_the_rules_in_force(steward: Steward) -> None:
    back = account(steward, "Back")
    first = contract(steward, back, "100", "2020-01-01")
    steward.do(TerminateContract(effective_end="2021-01-01", reason="late", voluntary=True), contract=first)
    contract(steward, back, "100", "2021-01-20")
    steward.catch_up()
    assert value_of(steward, "kaplan_meier", "2022-06-01")["observations"]["tenures"] == 2

    in_force(steward, MetricRules(shortest_gap_days=30))
    steward.catch_up()

    answer = value_of(steward, "kaplan_meier", "2022-06-01")["observations"]
    assert (answer["tenures"], answer["lost"], len(answer["periods"])) == (1, 0, 2)


def test_several_currencies_are_converted_at_the_closing_days_rates(steward: Steward) -> None:
    in_force(steward, rates(("2020-01-01", "EUR", "1.5"), ("2022-01-01", "EUR", "2")))
    contract(steward, account(steward, "Dollars"), "100", "2020-01-01")
    contract(steward, account(steward, "Euros"), "150", "2020-01-01", currency="EUR")
    steward.catch_up()

    largest = ask(steward, "concentration", None, as_of="2022-06-01", options={"top": "1"}, reporting="USD")
    assert (largest["value"], largest["numerator"], largest["currency"]) == ("0.75", "3600.00", "USD")
    assert largest["largest"][0]["arr"] == "3600.00"
    assert largest["fx_version"] == "fx@default/1"
    cells = ask(
        steward,
        "cohort_retention",
        None,
        "revenue",
        as_of="2022-06-30",
        options={"granularity": "year"},
        reporting="USD",
    )
    assert [(cell["opening"], cell["value"]) for cell in cells["cells"]] == [("400.00", "400.00")] * 3
    value = ask(steward, CLV, None, "kaplan_meier", as_of="2022-06-01", options={"discount_rate": "0"}, reporting="USD")
    assert (value["value"], value["numerator"], value["revenue_per_period"]) == ("4800.00", "400.00", "2400.00")
    for name, method in ((CLV, "sbg"), ("cohort_retention", "revenue"), ("concentration", None)):
        answer, rows, _ = explained(steward, name, None, method=method, as_of="2022-06-01", reporting="USD")
        assert sum(Fraction(row["contribution"]["numerator"]) for row in rows) == Fraction(answer["numerator"])
    _, rows, _ = explained(steward, CLV, None, method="simple", as_of="2022-06-01", reporting="USD")
    assert {row["name"]: row["monthly"] for row in rows} == {"Dollars": "100.00", "Euros": "300.00"}
