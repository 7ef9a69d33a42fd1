"""The contract's term: how it ends, rests, is renewed and terminated."""

from typing import Any

import pytest

from app.domain.contract.commands import (
    GiveNotice,
    RenewContract,
    ResumeContract,
    SuspendContract,
    TerminateContract,
    WithdrawNotice,
)
from tests.domain.contract.contracts import MAIN, annual, line, signed
from tests.domain.scenario import Scenario, refusal

TERMINATE = TerminateContract(effective_end="2026-07-01", reason="price", voluntary=True)


# --- notice ---


def test_notice_ends_the_contract_with_its_term(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)

    scenario.do(GiveNotice(effective_at="2026-11-01"), contract=contract)

    given = list(scenario.stream(contract))[-1].data
    assert (given["effective_end"], given["late"], given["by"]) == ("2027-01-01", False, "client")
    assert annual(scenario, contract, "2026-12-31", "2027-01-01") == ["12000", "0"]


def test_notice_after_the_deadline_is_taken_and_marked_as_late(scenario: Scenario) -> None:
    for day, late in (("2026-12-02", False), ("2026-12-03", True)):
        contract = signed(scenario, auto_renew=True)
        scenario.do(GiveNotice(effective_at=day), contract=contract)
        assert list(scenario.stream(contract))[-1].data["late"] is late


def test_notice_of_an_open_ended_contract_ends_it_after_its_notice_days(scenario: Scenario) -> None:
    contract = signed(scenario, end=None)

    scenario.do(GiveNotice(effective_at="2026-03-01", by="us"), contract=contract)

    assert annual(scenario, contract, "2026-03-30", "2026-03-31") == ["12000", "0"]


def test_notice_of_a_contract_that_renewed_itself_ends_it_with_the_running_term(
    scenario: Scenario,
) -> None:
    contract = signed(scenario, auto_renew=True, renewal_term_months=6)

    scenario.do(GiveNotice(effective_at="2027-02-01"), contract=contract)

    assert annual(scenario, contract, "2027-06-30", "2027-07-01") == ["12000", "0"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (GiveNotice(effective_at="2026-03-01", effective_end="2026-02-28"), "Refused end_before_start"),
        (GiveNotice(effective_at="2025-12-01", effective_end="2026-01-01"), "Refused end_before_start"),
        (GiveNotice(effective_at="2026-03-01", effective_end="2027-01-02"), "Refused end_after_term"),
    ],
)
def test_notice_names_an_end_within_the_contract(scenario: Scenario, command: GiveNotice, told: str) -> None:
    assert refusal(scenario, command, contract=signed(scenario)) == told


def test_notice_is_given_once_until_it_is_withdrawn(scenario: Scenario) -> None:
    contract, notice = signed(scenario, auto_renew=True), GiveNotice(effective_at="2026-11-01")
    assert refusal(scenario, WithdrawNotice(), contract=contract) == "Refused no_notice"

    scenario.do(notice, contract=contract)
    assert refusal(scenario, notice, contract=contract) == "Refused notice_given"
    scenario.do(WithdrawNotice(), contract=contract)

    assert annual(scenario, contract, "2027-01-01") == ["12000"]
    scenario.do(notice, contract=contract)


# --- rest ---


def test_a_suspended_contract_is_in_force_at_nothing(scenario: Scenario) -> None:
    contract = signed(scenario)

    scenario.do(SuspendContract(effective_at="2026-07-01", effective_end="2026-08-01"), contract=contract)

    assert annual(scenario, contract, "2026-06-30", "2026-07-01", "2026-07-31", "2026-08-01") == [
        "12000",
        "0",
        "0",
        "12000",
    ]


def test_a_rest_may_end_sooner_than_agreed(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(SuspendContract(effective_at="2026-07-01"), contract=contract)

    scenario.do(ResumeContract(effective_at="2026-07-20"), contract=contract)

    assert annual(scenario, contract, "2026-07-19", "2026-07-20") == ["0", "12000"]


def test_a_contract_whose_rest_ended_as_agreed_may_rest_again(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(SuspendContract(effective_at="2026-07-01", effective_end="2026-08-01"), contract=contract)

    scenario.do(SuspendContract(effective_at="2026-10-01", effective_end="2026-11-01"), contract=contract)

    assert annual(scenario, contract, "2026-07-01", "2026-09-01", "2026-10-01", "2026-11-01") == [
        "0",
        "12000",
        "0",
        "12000",
    ]


def test_what_rests_is_not_suspended_and_what_works_is_not_resumed(scenario: Scenario) -> None:
    contract = signed(scenario)
    assert (
        refusal(scenario, ResumeContract(effective_at="2026-03-01"), contract=contract)
        == "Refused contract_not_suspended"
    )

    scenario.do(SuspendContract(effective_at="2026-03-01"), contract=contract)

    again = SuspendContract(effective_at="2026-04-01")
    assert refusal(scenario, again, contract=contract) == "Refused contract_suspended"
    assert refusal(scenario, ResumeContract(effective_at="2026-02-28"), contract=contract) == "Refused end_before_start"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (SuspendContract(effective_at="2025-12-31"), "Refused outside_term"),
        (SuspendContract(effective_at="2027-01-01"), "Refused outside_term"),
        (SuspendContract(effective_at="2026-03-01", effective_end="2026-03-01"), "Invalid end_before_start"),
    ],
)
def test_a_rest_lies_within_the_term(scenario: Scenario, command: SuspendContract, told: str) -> None:
    assert refusal(scenario, command, contract=signed(scenario)) == told


# --- renewal ---


@pytest.mark.parametrize(
    ("terms", "timing", "paid"),
    [
        ({"end": "2028-01-01"}, "on_time", ["12000", "12000"]),
        ({"start": "2026-10-01", "end": "2028-01-01"}, "early", ["12000", "12000"]),
        ({"start": "2027-01-15", "end": "2028-01-01"}, "late", ["0", "12000"]),
        ({"start": "2027-01-15", "end": "2028-01-01", "retroactive": True}, "late", ["12000", "12000"]),
    ],
)
def test_a_renewal_is_early_on_time_or_late(
    scenario: Scenario, terms: dict[str, Any], timing: str, paid: list[str]
) -> None:
    contract = signed(scenario)

    scenario.do(RenewContract(**terms), contract=contract)

    told = list(scenario.stream(contract))[-1].data
    assert (told["timing"], told["previous_end"]) == (timing, "2027-01-01")
    assert annual(scenario, contract, "2027-01-10", "2027-01-20") == paid
    assert annual(scenario, contract, "2028-01-01") == ["0"]


def test_a_renewal_may_bring_other_lines(scenario: Scenario) -> None:
    contract = signed(scenario, lines=(MAIN, line("extra")))

    scenario.do(RenewContract(end="2028-01-01", lines=(line("main", "1500.00"),)), contract=contract)

    assert annual(scenario, contract, "2026-12-31", "2027-01-01") == ["13200", "18000"]


def test_a_renewal_takes_a_notice_back(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(GiveNotice(effective_at="2026-10-01"), contract=contract)

    scenario.do(RenewContract(end="2028-01-01"), contract=contract)

    assert annual(scenario, contract, "2027-06-01") == ["12000"]
    assert refusal(scenario, WithdrawNotice(), contract=contract) == "Refused no_notice"


@pytest.mark.parametrize(
    ("terms", "command", "told"),
    [
        ({"end": None}, {"end": "2028-01-01"}, "Refused open_ended"),
        ({}, {"end": "2027-01-01"}, "Invalid end_before_start"),
        ({}, {"start": "2026-01-01", "end": "2028-01-01"}, "Refused overlapping_term"),
        ({}, {"start": "2025-06-01", "end": "2028-01-01"}, "Refused overlapping_term"),
        ({}, {"start": "2027-02-01", "end": "2028-01-01", "retroactive": True}, "Refused grace_exceeded"),
        ({}, {"end": "2028-01-01", "lines": (MAIN, MAIN)}, "Invalid overlapping_lines"),
        ({}, {"end": "2028-01-01", "lines": (line("x", end="2028-02-01"),)}, "Invalid line_outside_term"),
    ],
)
def test_a_term_that_does_not_follow_is_refused(
    scenario: Scenario, terms: dict[str, Any], command: dict[str, Any], told: str
) -> None:
    assert refusal(scenario, RenewContract(**command), contract=signed(scenario, **terms)) == told


def test_thirty_days_of_grace_close_a_gap(scenario: Scenario) -> None:
    contract = signed(scenario)

    scenario.do(RenewContract(start="2027-01-31", end="2028-01-01", retroactive=True), contract=contract)

    assert annual(scenario, contract, "2027-01-01", "2027-01-30") == ["12000", "12000"]


def test_a_second_renewal_follows_the_first(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(RenewContract(end="2028-01-01"), contract=contract)

    told = refusal(scenario, RenewContract(start="2027-01-01", end="2029-01-01"), contract=contract)
    scenario.do(RenewContract(end="2029-01-01"), contract=contract)

    assert told == "Refused overlapping_term"
    assert annual(scenario, contract, "2028-12-31", "2029-01-01") == ["12000", "0"]


# --- termination ---


def test_a_terminated_contract_ends_on_its_day_and_stays_ended(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)

    scenario.do(TERMINATE, contract=contract)

    assert annual(scenario, contract, "2026-06-30", "2026-07-01", "2027-06-01") == ["12000", "0", "0"]


@pytest.mark.parametrize(
    ("day", "told"), [("2025-12-31", "Refused end_before_start"), ("2027-01-02", "Refused end_after_term")]
)
def test_a_termination_lies_within_the_term(scenario: Scenario, day: str, told: str) -> None:
    command = TerminateContract(effective_end=day, reason="price", voluntary=True)

    assert refusal(scenario, command, contract=signed(scenario)) == told


# --- whatever the order in which it is recorded ---

FIRST = SuspendContract(effective_at="2026-02-01")
SECOND = SuspendContract(effective_at="2026-10-01", effective_end="2026-11-01")
BACK = ResumeContract(effective_at="2026-05-01")


@pytest.mark.parametrize("order", [(FIRST, SECOND, BACK), (SECOND, FIRST, BACK), (FIRST, BACK, SECOND)])
def test_a_resumption_ends_what_rests_then_and_nothing_that_begins_later(
    scenario: Scenario, order: tuple[Any, ...]
) -> None:
    contract = signed(scenario)

    for command in order:
        scenario.do(command, contract=contract)

    days = ("2026-01-31", "2026-02-01", "2026-04-30", "2026-05-01", "2026-09-30", "2026-10-01", "2026-11-01")
    assert annual(scenario, contract, *days) == ["12000", "0", "0", "12000", "12000", "0", "12000"]


def test_a_rest_that_is_recorded_after_its_resumption_ends_there(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(SuspendContract(effective_at="2026-02-01"), contract=contract)
    scenario.do(ResumeContract(effective_at="2026-05-01"), contract=contract)
    scenario.do(SuspendContract(effective_at="2026-01-10", effective_end="2026-08-01"), contract=contract)

    assert annual(scenario, contract, "2026-01-09", "2026-01-10", "2026-04-30", "2026-05-01") == [
        "12000", "0", "0", "12000",
    ]  # fmt: skip
    again = SuspendContract(effective_at="2026-05-01")
    assert refusal(scenario, again, contract=contract) == "Refused contract_resumed"


def test_a_renewal_voids_no_notice_that_was_decided_after_it_whichever_is_recorded_first(scenario: Scenario) -> None:
    scenario.set_now("2027-06-01T00:00:00Z")
    renewal = RenewContract(effective_at="2026-11-01", start="2027-01-01", end="2028-01-01")
    notice = GiveNotice(effective_at="2026-11-10", effective_end="2027-03-01")
    for order in ((renewal, notice), (notice, renewal)):
        contract = signed(scenario, auto_renew=True)
        for command in order:
            scenario.do(command, contract=contract)
        assert annual(scenario, contract, "2027-02-28", "2027-03-01") == ["12000", "0"]
