"""The days of terms: ends counted from an anchor, never from the end before."""

from itertools import islice

import pytest

from app.domain.contract.commands import GiveNotice, RenewContract
from app.domain.contract.term_days import agreed_term
from tests.domain.contract.contracts import signed
from tests.domain.scenario import Scenario


@pytest.mark.parametrize(
    ("start", "end", "length", "ends"),
    [
        ("2026-01-31", "2026-02-28", 1, ["2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2023-12-31", "2024-02-29", 2, ["2024-04-30", "2024-06-30", "2024-08-31"]),
        ("2026-10-30", "2026-11-30", 1, ["2026-12-30", "2027-01-30", "2027-02-28", "2027-03-30"]),
        ("2026-11-29", "2027-02-28", 3, ["2027-05-29", "2027-08-29"]),
        ("2023-02-28", "2024-02-28", 12, ["2025-02-28", "2026-02-28"]),
        ("2024-02-29", "2026-02-28", 24, ["2028-02-29", "2030-02-28"]),
        ("2026-01-31", "2026-04-30", 6, ["2026-10-31", "2027-04-30"]),
        ("2026-03-05", "2026-04-30", 1, ["2026-05-30", "2026-06-30"]),
        ("2026-01-01", "2026-01-31", 1, ["2026-02-28", "2026-03-31"]),
    ],
)
def test_terms_follow_one_another_on_the_day_of_the_month_of_their_anchor(
    start: str, end: str, length: int, ends: list[str]
) -> None:
    term = agreed_term(start, end)

    behind = list(islice(term.terms_behind(length), len(ends)))

    assert behind == list(zip([end, *ends], ends, strict=False))
    assert [term.term_at(first, length) for first, _ in behind] == behind


@pytest.mark.parametrize(
    ("start", "end", "follows"),
    [
        ("2026-02-28", "2026-03-31", "2026-04-30"),  # goes on with the chain
        ("2026-02-28", "2026-04-30", "2026-05-31"),  # for two months: by itself its anchor would be the 30th
        ("2026-04-30", "2026-06-30", "2026-07-31"),  # after two terms that followed by themselves
        ("2026-02-28", "2026-03-28", "2026-04-28"),  # not the chain's day of the month any more
        ("2026-03-10", "2026-04-30", "2026-05-30"),  # a chain of its own, whose first day says nothing
        ("2026-02-15", "2026-03-15", "2026-04-15"),  # before the chain gave way
    ],
)
def test_a_renewal_that_goes_on_with_a_chain_keeps_its_anchor(start: str, end: str, follows: str) -> None:
    first = agreed_term("2026-01-31", "2026-02-28", length=1)

    renewed = agreed_term(start, end, first, 1)

    assert next(renewed.terms_behind(1)) == (end, follows)


def test_a_chain_ends_with_the_calendar_and_an_open_ended_term_has_none() -> None:
    assert list(agreed_term("9997-05-01", "9998-05-01").terms_behind(12)) == [("9998-05-01", "9999-05-01")]
    assert list(agreed_term("2026-05-01", None).terms_behind(12)) == []


def test_notice_of_a_renewed_month_end_contract_ends_it_on_the_day_of_its_anchor(scenario: Scenario) -> None:
    contract = signed(
        scenario, start="2026-03-31", end="2026-04-30", auto_renew=True, renewal_term_months=1, notice_days=0
    )
    scenario.do(RenewContract(start="2026-04-30", end="2026-06-30"), contract=contract)

    scenario.do(GiveNotice(effective_at="2026-07-02"), contract=contract)

    assert list(scenario.stream(contract))[-1].data["effective_end"] == "2026-07-31"


@pytest.mark.parametrize(
    ("given", "notice_days", "months", "ends", "late"),
    [
        ("2026-09-02", 120, 12, "2026-12-31", False),  # the deadline itself
        ("2026-09-03", 120, 12, "2027-12-31", True),
        ("2027-12-31", 0, 12, "2028-12-31", False),  # a term has ended, and the next has begun
        ("2026-11-15", 90, 1, "2027-02-28", True),  # by the first month that the notice is in time for
        ("2026-12-31", 400, 12, "2028-12-31", True),
    ],
)
def test_a_notice_ends_the_first_term_that_it_is_in_time_for(
    scenario: Scenario, given: str, notice_days: int, months: int, ends: str, late: bool
) -> None:
    contract = signed(
        scenario,
        start="2025-12-31",
        end="2026-12-31",
        auto_renew=True,
        renewal_term_months=months,
        notice_days=notice_days,
    )

    scenario.do(GiveNotice(effective_at=given), contract=contract)

    told = list(scenario.stream(contract))[-1].data
    assert (told["effective_end"], told["late"]) == (ends, late)


def test_an_end_that_a_late_notice_says_stays_as_said(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True, notice_days=90)

    scenario.do(GiveNotice(effective_at="2026-12-15", effective_end="2027-01-01"), contract=contract)

    told = list(scenario.stream(contract))[-1].data
    assert (told["effective_end"], told["late"]) == ("2027-01-01", True)
