"""The outcome of a renewal without a decision: the contract renews automatically, or it expires after its grace period."""

from eventsourcing.persistence import StoredEvent

from app.domain.contract.commands import GiveNotice, RenewContract, WithdrawNotice
from app.domain.kernel.values import instant
from app.domain.renewal.commands import DeferRenewal, OpenRenewal
from tests.domain.contract.contracts import signed
from tests.services.deadlines.renewals_factory import events, renewals_of, run_pass
from tests.support.application import Steward


def at(steward: Steward, day: str) -> None:
    """Sets the clock to noon of a day, and runs a pass."""
    steward.clock.set(f"{day}T12:00:00Z")
    run_pass(steward)


def test_an_automatic_renewal_happens_on_the_day_for_its_term_and_wins_its_cycle(
    steward: Steward,
) -> None:
    contract = signed(steward, auto_renew=True, renewal_term_months=6)

    at(steward, "2026-12-31")
    assert events(steward, "contract.renewed") == []
    at(steward, "2027-01-01")

    [renewed], [won] = events(steward, "contract.renewed"), events(steward, "renewal.won")
    assert (renewed.data["start"], renewed.data["end"], renewed.data["automatic"], renewed.data["timing"]) == (
        "2027-01-01", "2027-07-01", True, "on_time")  # fmt: skip
    assert (won.data["contract_event"], won.data["value"], won.data["uplift"]) == (renewed.event_id, "12000", "0")
    assert {instant(event.effective_at) for event in (renewed, won)} == {"2027-01-01T00:00:00.000000Z"}
    assert renewed.actor == "system:renewals"
    terms = [(row.due, row.outcome) for row in renewals_of(steward)]
    assert terms == [("2027-01-01", "renewed"), ("2027-07-01", "open")]
    assert contract == renewed.stream_id
    at(steward, "2027-01-02")
    assert [event.data["due"] for event in events(steward, "renewal.opened")] == ["2027-01-01", "2027-07-01"]


def test_other_contracts_expire_after_their_grace_period_and_lose_their_cycle(steward: Steward) -> None:
    contract = signed(steward)
    at(steward, "2026-12-31")

    at(steward, "2027-01-30")
    assert events(steward, "contract.expired") == []
    at(steward, "2027-01-31")

    [expired], [lost] = events(steward, "contract.expired"), events(steward, "renewal.lost")
    assert (expired.stream_id, expired.data["end"]) == (contract, "2027-01-01")
    assert (lost.data["reason"], lost.data["voluntary"], lost.data["value"]) == ("expired", False, "12000")
    assert instant(expired.effective_at) == instant(lost.effective_at) == "2027-01-31T00:00:00.000000Z"
    [row] = renewals_of(steward)
    assert (row.outcome, row.reason) == ("lost", "expired")
    at(steward, "2027-06-01")
    assert len(events(steward, "contract.")) == 3  # drafted, signed, expired


def test_only_an_open_cycle_is_decided_by_time(steward: Steward) -> None:
    signed(steward)
    signed(steward, auto_renew=True)

    at(steward, "2028-01-01")  # no pass ran before

    assert (
        events(steward, "renewal.") == events(steward, "contract.expired") == events(steward, "contract.renewed") == []
    )


def test_of_terms_that_passed_without_a_pass_the_one_with_a_cycle_is_renewed_on_its_day(steward: Steward) -> None:
    contract = signed(steward, auto_renew=True, renewal_term_months=1)
    steward.do(OpenRenewal(), contract=contract)

    at(steward, "2027-04-10")

    ends = [(event.data["end"], instant(event.effective_at)[:10]) for event in events(steward, "contract.renewed")]
    assert ends[0] == ("2027-02-01", "2027-01-01")
    assert [event.data["due"] for event in events(steward, "renewal.opened")] == ["2027-01-01", "2027-05-01"]
    assert len(ends) == len(events(steward, "renewal.won")) == 1


def test_after_notice_a_contract_does_not_renew_automatically_and_its_loss_is_voluntary(steward: Steward) -> None:
    contract = signed(steward, auto_renew=True)
    at(steward, "2026-11-01")
    steward.do(GiveNotice(effective_at="2026-11-15", by="client"), contract=contract)

    at(steward, "2027-01-01")
    assert events(steward, "contract.renewed") == []
    at(steward, "2027-01-31")

    [lost] = events(steward, "renewal.lost")
    assert (lost.data["reason"], lost.data["voluntary"]) == ("expired", True)


def test_a_notice_to_a_later_day_ends_the_contract_then_and_a_withdrawn_one_changes_nothing(
    steward: Steward,
) -> None:
    later, back = signed(steward, auto_renew=True), signed(steward, auto_renew=True)
    at(steward, "2026-11-01")
    for contract in (later, back):
        notice = GiveNotice(effective_at="2026-12-20", effective_end="2027-03-01", by="client")
        steward.do(notice, contract=contract)
    steward.do(WithdrawNotice(), contract=back)

    at(steward, "2027-03-30")
    assert {event.stream_id for event in events(steward, "contract.renewed")} == {
        later,
        back,
    }  # both went on in January
    assert events(steward, "contract.expired") == []


def test_a_deferred_decision_is_waited_for(steward: Steward) -> None:
    automatic, others = signed(steward, auto_renew=True), signed(steward)
    at(steward, "2026-11-01")
    for contract in (automatic, others):
        steward.do(DeferRenewal(new_due="2027-02-15"), renewal=f"ref:{contract}@2027-01-01")

    at(steward, "2027-02-14")
    assert events(steward, "contract.renewed") == []
    at(steward, "2027-02-15")
    assert [event.data["start"] for event in events(steward, "contract.renewed")] == ["2027-01-01"]
    at(steward, "2027-03-16")
    assert events(steward, "contract.expired") == []
    at(steward, "2027-03-17")
    assert [event.stream_id for event in events(steward, "contract.expired")] == [others]


def test_a_renewal_decided_in_time_is_left_unchanged(steward: Steward) -> None:
    contract = signed(steward)
    at(steward, "2026-12-01")
    steward.do(RenewContract(end="2028-01-01"), contract=contract)
    before = steward.catch_up()

    at(steward, "2027-02-15")

    assert steward.runtime.log.head(steward.tenant) == before
    at(steward, "2027-07-05")
    assert events(steward, "renewal.opened")[-1].data["due"] == "2028-01-01"


def test_a_refused_contract_does_not_delay_others_and_is_reported(steward: Steward) -> None:
    broken, other = signed(steward, auto_renew=True), signed(steward, auto_renew=True)
    at(steward, "2026-12-01")
    version = steward.runtime.handler.load(steward.tenant, "contract", broken)[1].version + 1
    strange = StoredEvent(broken, version, "contract.teleported", b'{"data":{"to":"the moon"},"meta":{},"salt":""}')
    steward.runtime.log.recorder(steward.tenant).insert_events([strange])  # newer code wrote it
    steward.runtime.handler.loader.states.drop(steward.tenant, [broken, other])

    steward.clock.set("2027-01-01T12:00:00Z")
    result = run_pass(steward)

    assert [event.stream_id for event in events(steward, "contract.renewed")] == [other]
    assert result.refusals == [(broken, "2027-01-01", "poison_KeyError")]
    assert run_pass(steward).refusals == []  # left alone for a while
    steward.clock.set("2027-01-01T12:02:00Z")
    assert run_pass(steward).refusals == [(broken, "2027-01-01", "poison_KeyError")]


def test_a_stream_that_cannot_be_read_does_not_delay_others(steward: Steward) -> None:
    broken, other = signed(steward), signed(steward)
    strange = StoredEvent(broken, 3, "contract.teleported", b'{"data":{"to":"the moon"},"meta":{},"salt":""}')
    steward.runtime.log.recorder(steward.tenant).insert_events([strange])  # newer code wrote it
    steward.runtime.handler.loader.states.drop(steward.tenant, [broken, other])

    steward.clock.set("2026-07-05T12:00:00Z")
    result = run_pass(steward)

    assert [event.data["contract"] for event in events(steward, "renewal.opened")] == [other]
    assert [(contract, code) for contract, _, code in result.refusals] == [(broken, "poison_KeyError")]
    assert result.opened == 1
