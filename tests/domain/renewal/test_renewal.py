"""The renewal cycle: opened once for a term, and decided by the contract itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.contract.commands import (
    AmendContract,
    ExpireContract,
    GiveNotice,
    RenewContract,
    SignContract,
    TerminateContract,
)
from app.domain.renewal.commands import DeferRenewal, OpenRenewal, SetRenewalRisk
from tests.domain.contract.contracts import drafted, line, reprice, signed
from tests.domain.scenario import Scenario, TakesCommands, refusal
from tests.support.application import Steward

WATCH = SetRenewalRisk(risk="watch", probability="0.7", drivers=("new sponsor",))


def opened(scenario: TakesCommands, **terms: Any) -> tuple[str, str]:
    """A contract and the cycle of its term."""
    contract = signed(scenario, **terms)
    return contract, scenario.do(OpenRenewal(), contract=contract).id


def last(scenario: TakesCommands) -> Any:
    """The last event."""
    return scenario.events()[-1]


def test_what_was_at_stake_is_told_when_the_cycle_is_opened_and_the_row_follows_what_is_in_force(
    sqlite_steward: Steward,
) -> None:
    contract, _ = opened(sqlite_steward)
    told = last(sqlite_steward).data

    sqlite_steward.do(
        AmendContract(effective_at="2026-03-01", changes=(reprice("main", "2000.00"),)), contract=contract
    )

    assert (told["due"], told["notice_deadline"], told["atr"], told["currency"]) == (
        "2027-01-01",
        "2026-12-02",
        "12000",
        "EUR",
    )
    row = next(row for row in sqlite_steward.rows("renewals") if row.due)
    assert row.atr == 24_000 * 10**6


def test_a_term_has_one_cycle(sqlite_steward: Steward) -> None:
    contract, _ = opened(sqlite_steward)

    assert refusal(sqlite_steward, OpenRenewal(), contract=contract) == "Refused external_ref_taken"


def test_a_cycle_is_found_by_its_contract_and_day(scenario: Scenario) -> None:
    contract, cycle = opened(scenario)

    assert scenario.do(WATCH, renewal=f"ref:{contract}@2027-01-01").id == cycle


def test_nothing_is_due_before_signature_without_an_end_or_after_the_end(sqlite_steward: Steward) -> None:
    terminated = signed(sqlite_steward)
    sqlite_steward.do(
        TerminateContract(effective_end="2026-06-01", reason="price", voluntary=True), contract=terminated
    )

    assert refusal(sqlite_steward, OpenRenewal(), contract=drafted(sqlite_steward)) == "Refused contract_not_signed"
    assert refusal(sqlite_steward, OpenRenewal(), contract=signed(sqlite_steward, end=None)) == "Refused open_ended"
    assert refusal(sqlite_steward, OpenRenewal(), contract=terminated) == "Refused contract_terminated"
    assert refusal(sqlite_steward, OpenRenewal()) == "NotFound contract_not_found"


def test_nothing_is_due_of_a_contract_that_has_ended_until_somebody_renews_it(scenario: Scenario) -> None:
    contract = signed(scenario, start="2025-01-01", end="2026-01-01")
    scenario.do(ExpireContract(), contract=contract)

    assert refusal(scenario, OpenRenewal(), contract=contract) == "Refused contract_expired"
    scenario.do(RenewContract(start="2026-01-10", end="2027-01-01"), contract=contract)
    scenario.do(OpenRenewal(), contract=contract)


def test_a_renewed_contract_wins_its_cycle_with_the_uplift(scenario: Scenario) -> None:
    contract, cycle = opened(scenario)

    receipt = scenario.do(RenewContract(end="2028-01-01", lines=(line("main", "1100.00"),)), contract=contract)

    assert [kind for _, kind, _ in receipt.events] == ["contract.renewed", "renewal.won"]
    won = last(scenario)
    assert (won.stream_id, won.data["value"], won.data["uplift"]) == (cycle, "13200", "1200")
    assert won.data["contract_event"] == receipt.events[0][0]


def test_a_terminated_contract_loses_its_cycle(scenario: Scenario) -> None:
    contract, cycle = opened(scenario)

    scenario.do(TerminateContract(effective_end="2027-01-01", reason="price", voluntary=True), contract=contract)

    lost = last(scenario)
    assert (lost.stream_id, lost.type) == (cycle, "renewal.lost")
    assert (lost.data["value"], lost.data["reason"], lost.data["voluntary"]) == ("12000", "price", True)


def test_a_contract_without_a_cycle_is_renewed_and_terminated_all_the_same(scenario: Scenario) -> None:
    contract = signed(scenario)

    renewed = scenario.do(RenewContract(end="2028-01-01"), contract=contract)
    ended = scenario.do(TerminateContract(effective_end="2027-06-01", reason="x", voluntary=False), contract=contract)

    assert [kind for _, kind, _ in (*renewed.events, *ended.events)] == ["contract.renewed", "contract.terminated"]


def test_the_next_term_has_a_cycle_of_its_own(scenario: Scenario) -> None:
    contract, first = opened(scenario)
    scenario.do(RenewContract(end="2028-01-01"), contract=contract)

    second = scenario.do(OpenRenewal(), contract=contract).id

    assert second != first
    assert last(scenario).data["due"] == "2028-01-01"


@pytest.mark.parametrize("command", [WATCH, DeferRenewal(new_due="2027-02-01")], ids=lambda one: type(one).__name__)
def test_what_is_decided_is_left_alone(scenario: Scenario, command: Any) -> None:
    contract, cycle = opened(scenario)
    scenario.do(RenewContract(end="2028-01-01"), contract=contract)

    assert refusal(scenario, command, renewal=cycle) == "Refused renewal_closed"


def test_a_renewal_is_put_off_to_later_days_only(sqlite_steward: Steward) -> None:
    _, cycle = opened(sqlite_steward)

    for day in ("2026-12-31", "2027-01-01"):
        assert refusal(sqlite_steward, DeferRenewal(new_due=day), renewal=cycle) == "Invalid due_not_later"
    sqlite_steward.do(DeferRenewal(new_due="2027-02-01"), renewal=cycle)

    assert refusal(sqlite_steward, DeferRenewal(new_due="2027-02-01"), renewal=cycle) == "Invalid due_not_later"
    assert next(row for row in sqlite_steward.rows("renewals") if row.due).deferred_to == "2027-02-01"


def test_a_deferred_renewal_is_still_won_on_the_day_that_names_it(scenario: Scenario) -> None:
    contract, cycle = opened(scenario)
    scenario.do(DeferRenewal(new_due="2027-02-01"), renewal=cycle)

    scenario.do(RenewContract(end="2028-01-01"), contract=contract)

    assert (last(scenario).type, last(scenario).stream_id) == ("renewal.won", cycle)


def test_a_probability_lies_between_nothing_and_certainty(scenario: Scenario) -> None:
    _, cycle = opened(scenario)

    told = refusal(scenario, SetRenewalRisk(risk="watch", probability="-0.1"), renewal=cycle)

    assert told == "Invalid probability_out_of_range"
    with pytest.raises(ValidationError):
        SetRenewalRisk(risk="watch", probability="1.1")
    with pytest.raises(ValidationError):
        SetRenewalRisk(risk="doomed")


def test_the_board_shows_every_end_of_a_term_with_and_without_a_cycle(steward: Steward) -> None:
    contract = signed(steward)
    steward.do(GiveNotice(effective_at="2026-10-01"), contract=contract)
    unsigned = drafted(steward)
    before = [row for row in steward.rows("renewals") if row.due]
    steward.do(SignContract(signed_at="2025-12-20"), contract=unsigned)

    assert [(row.contract, row.due, row.noticed, row.renewal) for row in before] == [
        (contract, "2027-01-01", True, None)
    ]
    assert {row.contract for row in steward.rows("renewals") if row.due} == {contract, unsigned}
