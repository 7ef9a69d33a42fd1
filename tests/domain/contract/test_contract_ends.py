"""How a contract goes on, or ends: by itself, by notice, after a gap, under the tenant's rules."""

import pytest

from app.domain.contract.commands import (
    CorrectContract,
    ExpireContract,
    GiveNotice,
    RenewAutomatically,
    RenewContract,
    ResumeContract,
    SuspendContract,
    TerminateContract,
    WithdrawNotice,
)
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.rules import RenewalRules
from app.domain.renewal.commands import OpenRenewal
from tests.domain.contract.contracts import annual, signed
from tests.domain.scenario import Scenario, TakesCommands, refusal
from tests.support.application import Steward


def last(scenario: TakesCommands, stream: str) -> dict[str, object]:
    """The members of a stream's last event, with its topic."""
    event = list(scenario.stream(stream))[-1]
    return {"topic": event.type, **event.data}


# --- expiry ---


def test_a_term_that_nobody_renewed_expires_and_its_cycle_is_lost(steward: Steward) -> None:
    contract = signed(steward)
    cycle = steward.do(OpenRenewal(), contract=contract).id
    assert refusal(steward, ExpireContract(), contract=contract) == "Refused not_ended"

    steward.clock.set("2027-02-01T00:00:00Z")
    receipt = steward.do(ExpireContract(effective_at="2027-01-31"), contract=contract)

    assert last(steward, contract) == {"topic": "contract.expired", "end": "2027-01-01", "voluntary": False}
    lost = last(steward, cycle)
    assert (lost["topic"], lost["reason"], lost["value"], lost["voluntary"]) == (
        "renewal.lost",
        "expired",
        "12000",
        False,
    )
    assert lost["contract_event"] == receipt.events[0][0]
    assert refusal(steward, ExpireContract(), contract=contract) == "Refused contract_expired"


def test_a_notice_that_took_effect_is_the_clients_wish(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)
    scenario.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)

    scenario.set_now("2026-06-02T00:00:00Z")
    scenario.do(ExpireContract(), contract=contract)

    assert last(scenario, contract) == {"topic": "contract.expired", "end": "2026-06-01", "voluntary": True}
    late = WithdrawNotice(effective_at="2026-06-01")
    assert refusal(scenario, late, contract=contract) == "Refused notice_took_effect"


def test_an_expiry_gives_way_to_a_withdrawal_that_is_recorded_afterwards(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)
    scenario.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)
    scenario.set_now("2026-06-02T00:00:00Z")
    scenario.do(ExpireContract(), contract=contract)

    scenario.do(WithdrawNotice(effective_at="2026-05-01"), contract=contract)

    assert annual(scenario, contract, "2026-06-01", "2027-06-01") == ["12000", "12000"]
    assert refusal(scenario, ExpireContract(), contract=contract) == "Refused not_ended"


@pytest.mark.parametrize(
    "told",
    [
        RenewContract(start="2027-01-20", end="2028-01-01", retroactive=True),
        RenewContract(start="2027-01-01", end="2028-01-01", effective_at="2026-12-20"),
    ],
)
def test_an_expiry_and_a_lost_cycle_give_way_to_a_renewal_that_is_recorded_afterwards(
    scenario: Scenario, told: RenewContract
) -> None:
    contract = signed(scenario)
    cycle = scenario.do(OpenRenewal(), contract=contract).id
    scenario.set_now("2027-02-01T00:00:00Z")
    scenario.do(ExpireContract(), contract=contract)
    lost = scenario.stream(cycle)[-1]

    scenario.do(told, contract=contract)

    won = scenario.stream(cycle)[-1]
    assert (lost.type, won.type, won.data["corrects"]) == ("renewal.lost", "renewal.won", lost.event_id)
    assert annual(scenario, contract, "2027-01-01", "2027-12-31") == ["12000", "12000"]


def test_a_corrected_end_revives_a_contract_that_had_expired(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.set_now("2027-02-01T00:00:00Z")
    scenario.do(ExpireContract(), contract=contract)

    wrong = scenario.stream(contract)[0].event_id
    scenario.do(CorrectContract(corrects=wrong, terms={"end": "2027-01-15"}), contract=contract)
    scenario.do(ExpireContract(), contract=contract)

    assert last(scenario, contract) == {"topic": "contract.expired", "end": "2027-01-15", "voluntary": False}
    assert refusal(scenario, ExpireContract(), contract=contract) == "Refused contract_expired"


def test_what_goes_on_does_not_expire(scenario: Scenario) -> None:
    itself, endless, ended = (
        signed(scenario, auto_renew=True),
        signed(scenario, end=None),
        signed(scenario),
    )
    scenario.do(TerminateContract(effective_end="2026-06-01", reason="x", voluntary=True), contract=ended)
    scenario.set_now("2028-01-01T00:00:00Z")

    told = [refusal(scenario, ExpireContract(), contract=one) for one in (itself, endless, ended)]

    assert told == ["Refused not_ended", "Refused not_ended", "Refused contract_terminated"]


def test_an_expired_contract_is_taken_up_again_after_a_gap_and_may_expire_again(
    scenario: Scenario,
) -> None:
    contract = signed(scenario)
    scenario.set_now("2027-02-01T00:00:00Z")
    scenario.do(ExpireContract(), contract=contract)

    scenario.do(RenewContract(start="2027-03-01", end="2028-01-01"), contract=contract)

    assert annual(scenario, contract, "2026-12-31", "2027-01-01", "2027-03-01") == ["12000", "0", "12000"]
    assert last(scenario, contract)["timing"] == "late"
    scenario.set_now("2028-02-01T00:00:00Z")
    scenario.do(ExpireContract(), contract=contract)
    assert last(scenario, contract)["end"] == "2028-01-01"


# --- automatic renewal ---


def test_a_contract_that_renews_itself_wins_its_cycle_when_the_day_has_come(steward: Steward) -> None:
    contract = signed(steward, auto_renew=True, renewal_term_months=6)
    cycle = steward.do(OpenRenewal(), contract=contract).id
    assert refusal(steward, RenewAutomatically(), contract=contract) == "Refused not_due"

    steward.clock.set("2027-01-01T00:00:00Z")
    steward.do(RenewAutomatically(effective_at="2027-01-01"), contract=contract)

    told = last(steward, contract)
    assert {name: told[name] for name in ("start", "end", "timing", "automatic")} == {
        "start": "2027-01-01", "end": "2027-07-01", "timing": "on_time", "automatic": True}  # fmt: skip
    assert (last(steward, cycle)["topic"], last(steward, cycle)["value"]) == ("renewal.won", "12000")
    assert refusal(steward, RenewAutomatically(), contract=contract) == "Refused not_due"
    assert steward.rows("contracts")[0].terms[-1]["automatic"] is True


def test_what_does_not_renew_itself_is_not_renewed_so(scenario: Scenario) -> None:
    plain, noticed, endless = (
        signed(scenario),
        signed(scenario, auto_renew=True),
        signed(scenario, auto_renew=True, end=None),
    )
    scenario.do(GiveNotice(effective_at="2026-02-01"), contract=noticed)
    scenario.set_now("2027-01-01T00:00:00Z")

    told = [refusal(scenario, RenewAutomatically(), contract=one) for one in (plain, noticed, endless)]

    assert told == ["Refused not_auto_renewing", "Refused notice_given", "Refused not_auto_renewing"]


def test_the_last_day_of_a_month_does_not_wear_off(scenario: Scenario) -> None:
    contract = signed(scenario, start="2025-12-31", end="2026-01-31", auto_renew=True, renewal_term_months=1)
    scenario.set_now("2026-12-01T00:00:00Z")

    ends = []
    for day in ("2026-01-31", "2026-02-28", "2026-03-31"):
        scenario.do(RenewAutomatically(effective_at=day), contract=contract)
        ends.append(last(scenario, contract)["end"])

    assert ends == ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert annual(scenario, contract, "2026-02-28", "2026-03-30") == ["12000", "12000"]


def test_what_renewed_itself_for_years_is_recorded_from_its_running_term_on(scenario: Scenario) -> None:
    contract = signed(scenario, start="2019-08-31", end="2020-02-29", auto_renew=True, renewal_term_months=6)
    scenario.set_now("2026-03-10T00:00:00Z")
    cycle = scenario.do(OpenRenewal(effective_at="2026-02-10"), contract=contract).id

    scenario.do(RenewAutomatically(), contract=contract)

    told = last(scenario, contract)
    assert (told["start"], told["end"], told["closes"]) == ("2026-02-28", "2026-08-31", "2026-02-28")
    assert scenario.stream(cycle)[0].data["due"] == "2026-02-28"
    assert scenario.stream(cycle)[-1].type == "renewal.won"
    assert annual(scenario, contract, "2019-08-31", "2023-05-01", "2026-09-01") == ["12000", "12000", "12000"]
    assert refusal(scenario, RenewAutomatically(), contract=contract) == "Refused not_due"
    scenario.do(RenewContract(end="2027-08-31"), contract=contract)
    assert last(scenario, contract)["start"] == "2026-08-31"


# --- renewal, at the edges ---


def test_a_contract_that_renewed_itself_is_renewed_without_a_gap(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)

    scenario.do(RenewContract(start="2028-01-01", end="2029-01-01"), contract=contract)

    told = last(scenario, contract)
    assert (told["timing"], told["previous_end"], told["closes"]) == ("on_time", "2028-01-01", "2028-01-01")
    assert annual(scenario, contract, "2027-06-01", "2027-12-31", "2028-01-01") == ["12000", "12000", "12000"]


def test_within_a_term_by_itself_a_renewal_is_early(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)

    scenario.do(RenewContract(start="2027-06-01", end="2029-01-01"), contract=contract)

    assert (last(scenario, contract)["timing"], last(scenario, contract)["previous_end"]) == (
        "early",
        "2028-01-01",
    )
    assert annual(scenario, contract, "2027-03-01") == ["12000"]


def test_a_renewal_after_a_notice_goes_on_where_the_notice_ended_it(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)

    scenario.do(RenewContract(end="2027-06-01"), contract=contract)

    assert (last(scenario, contract)["start"], last(scenario, contract)["timing"]) == (
        "2026-06-01",
        "on_time",
    )
    assert annual(scenario, contract, "2026-05-31", "2026-06-01", "2027-05-31") == ["12000", "12000", "12000"]


def test_a_renewal_some_time_after_a_notice_took_effect_leaves_the_gap(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)

    scenario.do(RenewContract(start="2026-09-01", end="2027-09-01"), contract=contract)

    assert (last(scenario, contract)["timing"], last(scenario, contract)["closes"]) == (
        "late",
        "2026-06-01",
    )
    assert annual(scenario, contract, "2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01") == [
        "12000",
        "0",
        "0",
        "12000",
    ]


def test_a_rest_reaches_across_a_renewal_until_somebody_ends_it(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(SuspendContract(effective_at="2026-11-01"), contract=contract)
    scenario.do(RenewContract(end="2028-01-01"), contract=contract)
    assert annual(scenario, contract, "2026-10-31", "2026-11-01", "2027-03-01") == ["12000", "0", "0"]

    scenario.do(ResumeContract(effective_at="2027-03-01"), contract=contract)

    assert annual(scenario, contract, "2027-02-28", "2027-03-01") == ["0", "12000"]
    assert (
        refusal(scenario, ResumeContract(effective_at="2027-05-01"), contract=contract)
        == "Refused contract_not_suspended"
    )


def test_a_rest_that_ended_by_its_date_is_not_ended_again(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(SuspendContract(effective_at="2026-03-01", effective_end="2026-05-01"), contract=contract)

    assert (
        refusal(scenario, ResumeContract(effective_at="2026-05-01"), contract=contract)
        == "Refused contract_not_suspended"
    )


@pytest.mark.parametrize(("start", "told"), [("2027-01-11", None), ("2027-01-12", "Refused grace_exceeded")])
def test_the_tenant_says_how_many_days_of_grace_there_are(scenario: Scenario, start: str, told: str | None) -> None:
    policy = scenario.do(DraftPolicy(rules=RenewalRules(grace_days=10))).id
    scenario.do(ActivatePolicy(number=1, start="2026-06-01"), policy=policy)
    contract = signed(scenario)
    command = RenewContract(start=start, end="2028-01-01", retroactive=True)

    if told is None:
        scenario.do(command, contract=contract)
        assert annual(scenario, contract, "2027-01-05") == ["12000"]
    else:
        assert refusal(scenario, command, contract=contract) == told


# --- notice ---


@pytest.mark.parametrize(
    ("given", "named", "end", "late"),
    [
        ("2026-11-01", None, "2027-01-01", False),
        ("2026-12-15", None, "2028-01-01", True),
        ("2027-11-01", None, "2028-01-01", False),
        ("2027-12-15", None, "2029-01-01", True),
        ("2026-12-15", "2028-01-01", "2028-01-01", False),
        ("2026-12-15", "2026-12-20", "2026-12-20", True),
    ],
)
def test_notice_ends_the_term_that_it_is_in_time_for_unless_it_names_an_end(
    scenario: Scenario, given: str, named: str | None, end: str, late: bool
) -> None:
    contract = signed(scenario, auto_renew=True)

    scenario.do(GiveNotice(effective_at=given, effective_end=named), contract=contract)

    assert (last(scenario, contract)["effective_end"], last(scenario, contract)["late"]) == (
        end,
        late,
    )
