"""Renewal cycles are opened automatically before the due day, and milestones are recorded until then."""

from typing import Any

import pytest

from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import AmendContract, RecordContract, SignContract
from app.domain.kernel.values import instant
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.rules import RenewalRules
from app.domain.renewal.commands import OpenRenewal
from tests.domain.contract.contracts import account, add, drafted, line, reprice, signed
from tests.services.deadlines.renewals_factory import events, renewals_of, run_pass
from tests.support.application import Steward
from tests.support.databases import Databases


def test_a_cycle_is_opened_on_the_first_lead_day_and_not_before(steward: Steward) -> None:
    contract = signed(steward)

    steward.clock.set("2026-07-04T23:59:59Z")
    early = run_pass(steward)
    steward.clock.set("2026-07-05T00:00:00Z")
    due = run_pass(steward)

    assert (early.opened, due.opened) == (0, 1)
    [opened] = events(steward, "renewal.opened")
    assert (opened.data["contract"], opened.data["due"], opened.data["atr"]) == (contract, "2027-01-01", "12000")
    assert (opened.actor, opened.effective_at) == ("system:renewals", opened.effective_at)
    assert instant(opened.effective_at) == "2026-07-05T00:00:00.000000Z"
    assert run_pass(steward).appended == 0


def test_every_lead_day_is_noted_once_and_as_of_its_own_day(steward: Steward) -> None:
    signed(steward)
    steward.clock.set("2026-07-05T08:00:00Z")
    run_pass(steward)

    for day in ("2026-09-02", "2026-09-03", "2026-09-04", "2026-10-03", "2026-10-04"):
        steward.clock.set(f"{day}T12:00:00Z")
        run_pass(steward)

    milestones = [
        (event.data["days"], instant(event.effective_at)[:10]) for event in events(steward, "renewal.milestone_reached")
    ]
    assert milestones == [(120, "2026-09-03"), (90, "2026-10-03")]


def test_a_missed_pass_is_caught_up_with_effective_dates_of_when_things_were_due(steward: Steward) -> None:
    signed(steward)

    steward.clock.set("2026-12-24T12:00:00Z")
    result = run_pass(steward)

    assert (result.opened, result.milestones) == (1, 2)
    renewal_events = [(event.type, instant(event.effective_at)[:10]) for event in events(steward, "renewal.")]
    assert renewal_events == [
        ("renewal.opened", "2026-07-05"),
        ("renewal.milestone_reached", "2026-09-03"),
        ("renewal.milestone_reached", "2026-10-03"),
    ]
    assert run_pass(steward).appended == 0


def test_a_term_agreed_after_a_lead_day_is_opened_then_and_skips_earlier_milestones(
    sqlite_steward: Steward,
) -> None:
    sqlite_steward.clock.set("2026-09-20T08:00:00Z")
    contract = drafted(sqlite_steward, start="2026-10-01")
    sqlite_steward.do(SignContract(signed_at="2026-09-18"), contract=contract)

    run_pass(sqlite_steward)

    [opened] = events(sqlite_steward, "renewal.opened")
    assert instant(opened.effective_at)[:10] == "2026-09-18"
    sqlite_steward.clock.set("2026-12-01T08:00:00Z")
    run_pass(sqlite_steward)
    assert [event.data["days"] for event in events(sqlite_steward, "renewal.milestone_reached")] == [90]


def test_days_begin_in_the_tenants_time_zone(databases: Databases) -> None:
    steward = Steward(databases.fresh("sqlite"), time_zone="America/New_York")
    signed(steward)

    steward.clock.set("2026-07-05T03:59:59Z")
    assert run_pass(steward).opened == 0
    steward.clock.set("2026-07-05T04:00:00Z")
    assert run_pass(steward).opened == 1
    assert instant(events(steward, "renewal.opened")[0].effective_at) == "2026-07-05T04:00:00.000000Z"
    steward.close()


def test_the_policy_in_force_today_says_when_work_begins(steward: Steward) -> None:
    signed(steward)
    policy = steward.do(DraftPolicy(rules=RenewalRules(lead_days=(60, 30, 7)))).id
    steward.do(ActivatePolicy(number=1, start="2026-08-01"), policy=policy)

    steward.clock.set("2026-07-20T08:00:00Z")
    assert run_pass(steward).opened == 1  # the application's rules still count
    other = signed(steward)
    steward.clock.set("2026-08-02T08:00:00Z")
    assert run_pass(steward).opened == 0
    steward.clock.set("2026-12-02T08:00:00Z")
    run_pass(steward)

    assert [event.data["contract"] for event in events(steward, "renewal.opened")][1] == other
    milestones = [
        (event.data["contract"] == other, event.data["days"]) for event in events(steward, "renewal.milestone_reached")
    ]
    assert sorted(milestones) == [(False, 30), (True, 30)]  # day 60 opens the cycle and is no milestone


def test_a_cycle_opened_by_a_command_is_not_opened_twice_and_gets_its_milestones(steward: Steward) -> None:
    contract = signed(steward)
    cycle = steward.do(OpenRenewal(), contract=contract).id

    steward.clock.set("2026-09-03T08:00:00Z")
    result = run_pass(steward)

    assert (result.opened, result.milestones, result.refusals) == (0, 1, [])
    assert events(steward, "renewal.milestone_reached")[0].stream_id == cycle


@pytest.mark.parametrize("auto_renew", [True, False])
def test_terms_long_past_cause_no_events(steward: Steward, auto_renew: bool) -> None:
    company = account(steward)
    for year in range(2015, 2025):
        terms = {"start": f"{year}-01-01", "end": f"{year + 1}-01-01", "signed_at": f"{year}-01-01", "currency": "EUR"}
        steward.do(
            RecordContract(**terms, auto_renew=auto_renew, effective_at=f"{year}-01-01", lines=(line("main"),)),
            account=company,
        )
    before = steward.catch_up()

    assert run_pass(steward).appended == 0
    assert steward.runtime.log.head(steward.tenant) == before


def test_unsigned_open_ended_and_ended_contracts_have_nothing_due(sqlite_steward: Steward) -> None:
    company = sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    endless: dict[str, Any] = {"currency": "EUR", "start": "2026-01-01", "signed_at": "2026-01-01"}
    sqlite_steward.do(RecordContract(**endless, lines=(line("main"),)), account=company)
    sqlite_steward.clock.set("2026-12-01T08:00:00Z")

    assert run_pass(sqlite_steward).appended == 0


def test_the_amount_that_expires_is_what_is_in_force_then_whether_a_cycle_is_open_or_not(steward: Steward) -> None:
    contract = signed(steward)
    steward.clock.set("2026-07-05T08:00:00Z")
    run_pass(steward)

    steward.do(AmendContract(effective_at="2026-08-01", changes=(add("social", "50.00"),)), contract=contract)
    steward.do(AmendContract(effective_at="2026-08-02", changes=(reprice("main", "2000.00"),)), contract=contract)
    steward.do(
        AmendContract(effective_at="2026-08-03", changes=(add("summer", "70.00", end="2026-10-01"),)), contract=contract
    )

    [row] = renewals_of(steward)
    assert (row.renewal is None, row.atr) == (False, 24_600 * 10**6)
