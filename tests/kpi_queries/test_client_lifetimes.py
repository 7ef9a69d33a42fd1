"""The lifetime value of one client: its own revenue, by what became of all accounts, seen from its own age."""

from fractions import Fraction
from typing import Any

import pytest

from app.domain.contract.commands import TerminateContract
from app.domain.policy.rules import MetricRules
from app.kpi_queries import KpiQuery, Scope
from app.kpi_queries.restatement import Restatement
from tests.kpi_queries.history_factory import account, ask, contract, explained, in_force
from tests.support.application import Steward

CLV = "customer_lifetime_value"
NOW = "2025-06-30"
BOOK = [(2018, None, 100), (2018, 2020, 100), (2019, 2020, 300), (2019, None, 50), (2020, 2023, 80), (2020, None, 90),
        (2021, None, 200), (2021, 2022, 10), (2022, None, 40), (2024, None, 70), (2025, None, 60), (2020, 2021, 30)]  # fmt: skip
"""In which year accounts began, in which they left, and what they paid a month; all on the first of January."""
RATE = Fraction(1, 4)


def played(steward: Steward, **rules: Any) -> list[str]:
    """The accounts of the book, by rules of the tenant's own."""
    in_force(steward, MetricRules(gross_margin="0.5", discount_rate="0.25", **rules))
    accounts = []
    for number, (start, end, price) in enumerate(BOOK):
        accounts.append(account(steward, f"Client {number}", "2018-01-01"))
        signed = contract(steward, accounts[-1], f"{price}.00", f"{start}-01-01")
        if end is not None:
            steward.do(TerminateContract(effective_end=f"{end}-01-01", reason="gone", voluntary=True), contract=signed)
    steward.catch_up()
    return accounts


def survival() -> list[Fraction]:
    """S(t) of the book by counting: of those whose t-th new year has come, who is still there."""
    shares = [Fraction(1)]
    for year in range(1, 2026 - 2018):
        risked = [
            (start, end) for start, end, _ in BOOK if start + year <= 2025 and (end is None or end - start >= year)
        ]
        if not risked:
            break
        kept = sum(end is None or end - start > year for start, end in risked)
        shares.append(shares[-1] * Fraction(kept, len(risked)))
    return shares


def worth(payments: list[Fraction], price: int) -> Fraction:
    """The discounted payments of an account, at the margin."""
    return sum((share / (1 + RATE) ** later for later, share in enumerate(payments)), Fraction(0)) * price * 12 / 2


@pytest.mark.parametrize("stripped", [False, True])
def test_each_client_is_worth_its_own_revenue_by_what_became_of_all_from_its_age_on(
    steward: Steward, stripped: bool
) -> None:
    accounts = played(steward, **({"shortest_gap_days": 5} if stripped else {}))  # then rows are read one by one
    shares = survival()

    for number, (start, end, price) in enumerate(BOOK):
        answer = ask(steward, CLV, None, "kaplan_meier", as_of=NOW, account=accounts[number])
        if end is not None:
            assert (answer["value"], answer["null_reason"]) == (None, "no_paying_accounts")
            continue
        made = 2025 - start
        left = [share / shares[made] for share in shares[made:]][: max(1, len(shares) - 1 - made)]
        assert answer["renewals_made"] == made
        assert {"code": "survival_of_cohort", "count": len(BOOK)} in answer["warnings"]
        assert abs(Fraction(answer["value"]) - worth(left, price)) <= Fraction(1, 200)
        assert (answer["gross_margin"], answer["gross_margin_from"], answer["policy_version"]) == (
            "0.5",
            "policy",
            "metric@default/1",
        )
        given = ask(steward, CLV, None, "kaplan_meier", as_of=NOW, account=accounts[number], options={"margin": "1"})
        assert abs(Fraction(given["value"]) - 2 * worth(left, price)) <= Fraction(1, 100)
        assert given["gross_margin_from"] == "query"


def test_by_the_model_an_older_client_of_the_same_revenue_is_worth_more_and_a_new_one_what_a_new_one_is(
    steward: Steward,
) -> None:
    accounts = played(steward)
    whole = ask(steward, CLV, None, "sbg", as_of=NOW)
    alpha, beta = (Fraction(whole["parameters"][name]) for name in ("alpha", "beta"))
    curve = [Fraction(1)]
    for period in range(1, 200):
        curve.append(curve[-1] * (beta + period - 1) / (alpha + beta + period - 1))

    per_unit = {}
    for number, (start, end, price) in enumerate(BOOK):
        if end is None:
            answer = ask(steward, CLV, None, "sbg", as_of=NOW, account=accounts[number])
            made = 2025 - start
            expected = worth([share / curve[made] for share in curve[made:]], price)
            assert abs(Fraction(answer["value"]) - expected) <= Fraction(1, 100)
            assert answer["parameters"] == whole["parameters"]
            per_unit[made] = Fraction(answer["value"]) / price
            two = ask(steward, CLV, None, "sbg", as_of=NOW, account=accounts[number], options={"horizon": "2"})
            assert abs(Fraction(two["value"]) - worth([Fraction(1), curve[made + 1] / curve[made]], price)) <= Fraction(
                1, 100
            )
    assert [per_unit[made] for made in sorted(per_unit)] == sorted(per_unit.values())
    new = Fraction(whole["value"]) / (Fraction(whole["numerator"]) / Fraction(whole["denominator"]))
    assert abs(per_unit[0] - new) <= Fraction(1, 100)


def test_by_the_simple_model_it_is_its_own_revenue_over_the_churn_of_all(steward: Steward) -> None:
    accounts = played(steward)

    whole, own = (ask(steward, CLV, None, as_of="2023-03-31", **scope) for scope in ({}, {"account": accounts[6]}))

    assert own["churn_rate"] == whole["churn_rate"] != "0"
    assert own["numerator"] == "200.00"
    ratio = Fraction(own["value"]) / Fraction(whole["value"])
    arpa = Fraction(whole["numerator"]) / Fraction(whole["denominator"])
    assert abs(ratio - 200 / arpa) < Fraction(1, 10**6)


def test_its_explanation_is_of_itself_and_other_accounts_events_move_it(sqlite_steward: Steward) -> None:
    accounts = played(sqlite_steward)
    reader, tenant, head = sqlite_steward.runtime.reader, sqlite_steward.tenant, sqlite_steward.catch_up()

    figure, rows, _ = explained(sqlite_steward, CLV, None, method="kaplan_meier", as_of=NOW, account=accounts[8])
    answer = ask(sqlite_steward, CLV, None, "kaplan_meier", as_of=NOW, account=accounts[8])
    late = contract(sqlite_steward, account(sqlite_steward, "Late", "2018-01-01"), "5.00", "2022-01-01")
    gone = sqlite_steward.do(
        TerminateContract(effective_end="2025-03-01", reason="gone", voluntary=True), contract=late
    )
    sqlite_steward.catch_up()
    query = KpiQuery(CLV, method="kaplan_meier", scope=Scope(account=accounts[8]))
    moved = Restatement(reader, tenant, query, reader.when(tenant, NOW), head, gone.position).page(10).events

    assert figure == answer
    assert [row["account"] for row in rows] == [accounts[8]]
    assert moved
    assert accounts[8] not in {event["account"] for event in moved}


def test_a_cohort_that_never_grew_so_old_says_so_and_one_that_left_as_a_whole_too(sqlite_steward: Steward) -> None:
    accounts = played(sqlite_steward)

    for cohort in ("2024", "2025"):
        answer = ask(
            sqlite_steward, CLV, None, "kaplan_meier", as_of=NOW, account=accounts[0], options={"cohort": cohort}
        )
        assert (answer["value"], answer["null_reason"]) == (
            None, "age_beyond_observation" if cohort == "2024" else "too_few_periods"
        )  # fmt: skip
