"""How a contract goes on, or ends: by itself, by notice, after a gap, under the tenant's rules."""

import pytest

from app.domain.contract.commands import (
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
from tests.domain.contract_factory import annual, refusal, signed
from tests.support.application import Steward


def last(steward: Steward, stream: str) -> dict[str, object]:
    """The members of a stream's last event, with its topic."""
    event = list(steward.runtime.log.stream(steward.tenant, stream))[-1]
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
    (row,) = [one for one in steward.rows("renewals") if one.due == "2027-01-01"]
    assert (row.outcome, row.reason) == ("lost", "expired")


def test_a_notice_that_took_effect_is_the_clients_wish(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward, auto_renew=True)
    sqlite_steward.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)

    sqlite_steward.clock.set("2026-06-02T00:00:00Z")
    sqlite_steward.do(ExpireContract(), contract=contract)

    assert last(sqlite_steward, contract) == {"topic": "contract.expired", "end": "2026-06-01", "voluntary": True}
    assert (
        refusal(sqlite_steward, WithdrawNotice(effective_at="2026-05-01"), contract=contract)
        == "Refused notice_took_effect"
    )


def test_what_goes_on_does_not_expire(sqlite_steward: Steward) -> None:
    itself, endless, ended = (
        signed(sqlite_steward, auto_renew=True),
        signed(sqlite_steward, end=None),
        signed(sqlite_steward),
    )
    sqlite_steward.do(TerminateContract(effective_end="2026-06-01", reason="x", voluntary=True), contract=ended)
    sqlite_steward.clock.set("2028-01-01T00:00:00Z")

    told = [refusal(sqlite_steward, ExpireContract(), contract=one) for one in (itself, endless, ended)]

    assert told == ["Refused not_ended", "Refused not_ended", "Refused contract_terminated"]


def test_an_expired_contract_is_taken_up_again_after_a_gap_and_may_expire_again(
    sqlite_steward: Steward,
) -> None:
    contract = signed(sqlite_steward)
    sqlite_steward.clock.set("2027-02-01T00:00:00Z")
    sqlite_steward.do(ExpireContract(), contract=contract)

    closing = RenewContract(start="2027-01-20", end="2028-01-01", retroactive=True)
    assert refusal(sqlite_steward, closing, contract=contract) == "Refused contract_expired"
    sqlite_steward.do(RenewContract(start="2027-03-01", end="2028-01-01"), contract=contract)

    assert annual(sqlite_steward, contract, "2026-12-31", "2027-01-01", "2027-03-01") == ["12000", "0", "12000"]
    assert last(sqlite_steward, contract)["timing"] == "late"
    sqlite_steward.clock.set("2028-02-01T00:00:00Z")
    sqlite_steward.do(ExpireContract(), contract=contract)
    assert last(sqlite_steward, contract)["end"] == "2028-01-01"


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


def test_what_does_not_renew_itself_is_not_renewed_so(sqlite_steward: Steward) -> None:
    plain, noticed, endless = (
        signed(sqlite_steward),
        signed(sqlite_steward, auto_renew=True),
        signed(sqlite_steward, auto_renew=True, end=None),
    )
    sqlite_steward.do(GiveNotice(effective_at="2026-02-01"), contract=noticed)
    sqlite_steward.clock.set("2027-01-01T00:00:00Z")

    told = [refusal(sqlite_steward, RenewAutomatically(), contract=one) for one in (plain, noticed, endless)]

    assert told == ["Refused not_auto_renewing", "Refused notice_given", "Refused not_auto_renewing"]


def test_the_last_day_of_a_month_does_not_wear_off(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward, start="2025-12-31", end="2026-01-31", auto_renew=True, renewal_term_months=1)
    sqlite_steward.clock.set("2026-12-01T00:00:00Z")

    ends = []
    for _ in range(3):
        sqlite_steward.do(RenewAutomatically(), contract=contract)
        ends.append(last(sqlite_steward, contract)["end"])

    assert ends == ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert annual(sqlite_steward, contract, "2026-02-28", "2026-03-30") == ["12000", "12000"]


# --- renewal, at the edges ---


def test_a_contract_that_renewed_itself_is_renewed_without_a_gap(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward, auto_renew=True)

    sqlite_steward.do(RenewContract(start="2028-01-01", end="2029-01-01"), contract=contract)

    told = last(sqlite_steward, contract)
    assert (told["timing"], told["previous_end"], told["closes"]) == ("on_time", "2028-01-01", "2028-01-01")
    assert annual(sqlite_steward, contract, "2027-06-01", "2027-12-31", "2028-01-01") == ["12000", "12000", "12000"]


def test_within_a_term_by_itself_a_renewal_is_early(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward, auto_renew=True)

    sqlite_steward.do(RenewContract(start="2027-06-01", end="2029-01-01"), contract=contract)

    assert (last(sqlite_steward, contract)["timing"], last(sqlite_steward, contract)["previous_end"]) == (
        "early",
        "2028-01-01",
    )
    assert annual(sqlite_steward, contract, "2027-03-01") == ["12000"]


def test_a_renewal_after_a_notice_goes_on_where_the_notice_ended_it(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward)
    sqlite_steward.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)

    sqlite_steward.do(RenewContract(end="2027-06-01"), contract=contract)

    assert (last(sqlite_steward, contract)["start"], last(sqlite_steward, contract)["timing"]) == (
        "2026-06-01",
        "on_time",
    )
    assert annual(sqlite_steward, contract, "2026-05-31", "2026-06-01", "2027-05-31") == ["12000", "12000", "12000"]


def test_a_renewal_some_time_after_a_notice_took_effect_leaves_the_gap(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward)
    sqlite_steward.do(GiveNotice(effective_at="2026-02-01", effective_end="2026-06-01"), contract=contract)

    sqlite_steward.do(RenewContract(start="2026-09-01", end="2027-09-01"), contract=contract)

    assert (last(sqlite_steward, contract)["timing"], last(sqlite_steward, contract)["closes"]) == (
        "late",
        "2026-06-01",
    )
    assert annual(sqlite_steward, contract, "2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01") == [
        "12000",
        "0",
        "0",
        "12000",
    ]


def test_a_rest_reaches_across_a_renewal_until_somebody_ends_it(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward)
    sqlite_steward.do(SuspendContract(effective_at="2026-11-01"), contract=contract)
    sqlite_steward.do(RenewContract(end="2028-01-01"), contract=contract)
    assert annual(sqlite_steward, contract, "2026-10-31", "2026-11-01", "2027-03-01") == ["12000", "0", "0"]

    sqlite_steward.do(ResumeContract(effective_at="2027-03-01"), contract=contract)

    assert annual(sqlite_steward, contract, "2027-02-28", "2027-03-01") == ["0", "12000"]
    assert (
        refusal(sqlite_steward, ResumeContract(effective_at="2027-05-01"), contract=contract)
        == "Refused contract_not_suspended"
    )


def test_a_rest_that_ended_by_its_date_is_not_ended_again(sqlite_steward: Steward) -> None:
    contract = signed(sqlite_steward)
    sqlite_steward.do(SuspendContract(effective_at="2026-03-01", effective_end="2026-05-01"), contract=contract)

    assert (
        refusal(sqlite_steward, ResumeContract(effective_at="2026-05-01"), contract=contract)
        == "Refused contract_not_suspended"
    )


@pytest.mark.parametrize(("start", "told"), [("2027-01-11", None), ("2027-01-12", "Refused grace_exceeded")])
def test_the_tenant_says_how_many_days_of_grace_there_are(
    sqlite_steward: Steward, start: str, told: str | None
) -> None:
    policy = sqlite_steward.do(DraftPolicy(rules=RenewalRules(grace_days=10))).id
    sqlite_steward.do(ActivatePolicy(number=1, start="2026-06-01"), policy=policy)
    contract = signed(sqlite_steward)
    command = RenewContract(start=start, end="2028-01-01", retroactive=True)

    if told is None:
        sqlite_steward.do(command, contract=contract)
        assert annual(sqlite_steward, contract, "2027-01-05") == ["12000"]
    else:
        assert refusal(sqlite_steward, command, contract=contract) == told


# --- notice ---


@pytest.mark.parametrize(
    ("given", "named", "end", "late"),
    [
        ("2026-11-01", None, "2027-01-01", False),
        ("2026-12-15", None, "2027-01-01", True),
        ("2027-11-01", None, "2028-01-01", False),
        ("2027-12-15", None, "2028-01-01", True),
        ("2026-12-15", "2028-01-01", "2028-01-01", False),
        ("2026-12-15", "2026-12-20", "2026-12-20", True),
    ],
)
def test_notice_ends_the_term_that_runs_and_is_late_against_its_own_end(
    sqlite_steward: Steward, given: str, named: str | None, end: str, late: bool
) -> None:
    contract = signed(sqlite_steward, auto_renew=True)

    sqlite_steward.do(GiveNotice(effective_at=given, effective_end=named), contract=contract)

    assert (last(sqlite_steward, contract)["effective_end"], last(sqlite_steward, contract)["late"]) == (
        end,
        late,
    )
