"""What becomes of a renewal that nobody decided: it goes on by itself, or it is over once its grace is."""

from eventsourcing.persistence import StoredEvent

from app.domain.account.commands import CloseAccount
from app.domain.contract.commands import GiveNotice, RenewContract, WithdrawNotice
from app.domain.kernel.values import instant
from app.domain.renewal.commands import DeferRenewal, OpenRenewal
from tests.domain.contract_factory import signed
from tests.services.deadlines.renewals_factory import events, look
from tests.support.applications import House


def at(house: House, day: str) -> None:
    """Moves the clock to noon of a day, and looks."""
    house.clock.set(f"{day}T12:00:00Z")
    look(house)


def test_a_contract_that_renews_itself_goes_on_for_its_term_on_the_day_and_wins_its_cycle(house: House) -> None:
    contract = signed(house, auto_renew=True, renewal_term_months=6)

    at(house, "2026-12-31")
    assert events(house, "contract.renewed") == []
    at(house, "2027-01-01")

    [renewed], [won] = events(house, "contract.renewed"), events(house, "renewal.won")
    assert (renewed.data["start"], renewed.data["end"], renewed.data["automatic"], renewed.data["timing"]) == (
        "2027-01-01", "2027-07-01", True, "on_time")  # fmt: skip
    assert (won.data["contract_event"], won.data["value"], won.data["uplift"]) == (renewed.event_id, "12000", "0")
    assert {instant(one.effective_at) for one in (renewed, won)} == {"2027-01-01T00:00:00.000000Z"}
    assert renewed.actor == "system:renewals"
    terms = [(row.due, row.outcome) for row in house.rows("renewals") if row.due]
    assert terms == [("2027-01-01", "renewed"), ("2027-07-01", "open")]
    assert contract == renewed.stream_id
    at(house, "2027-01-02")
    assert [one.data["due"] for one in events(house, "renewal.opened")] == ["2027-01-01", "2027-07-01"]


def test_others_expire_when_their_grace_is_over_and_lose_their_cycle(house: House) -> None:
    contract = signed(house)
    at(house, "2026-12-31")

    at(house, "2027-01-30")
    assert events(house, "contract.expired") == []
    at(house, "2027-01-31")

    [expired], [lost] = events(house, "contract.expired"), events(house, "renewal.lost")
    assert (expired.stream_id, expired.data["end"]) == (contract, "2027-01-01")
    assert (lost.data["reason"], lost.data["voluntary"], lost.data["value"]) == ("expired", False, "12000")
    assert instant(expired.effective_at) == instant(lost.effective_at) == "2027-01-31T00:00:00.000000Z"
    [row] = [row for row in house.rows("renewals") if row.due]
    assert (row.outcome, row.reason) == ("lost", "expired")
    at(house, "2027-06-01")
    assert len(events(house, "contract.")) == 3  # drafted, signed, expired


def test_only_a_cycle_that_is_open_is_ever_decided_by_time(house: House) -> None:
    signed(house)
    signed(house, auto_renew=True)

    at(house, "2028-01-01")  # nobody looked while there was time

    assert events(house, "renewal.") == events(house, "contract.expired") == events(house, "contract.renewed") == []


def test_terms_that_passed_while_nobody_looked_are_made_up_for_one_by_one(house: House) -> None:
    contract = signed(house, auto_renew=True, renewal_term_months=1)
    house.do(OpenRenewal(), contract=contract)

    at(house, "2027-04-10")

    ends = [(one.data["end"], instant(one.effective_at)[:10]) for one in events(house, "contract.renewed")]
    assert ends == [
        ("2027-02-01", "2027-01-01"), ("2027-03-01", "2027-02-01"), ("2027-04-01", "2027-03-01"), ("2027-05-01", "2027-04-01"),
    ]  # fmt: skip
    assert [one.data["due"] for one in events(house, "renewal.opened")][-1] == "2027-05-01"
    assert len(events(house, "renewal.won")) == 4


def test_after_notice_a_contract_does_not_go_on_by_itself_and_the_client_wished_it_so(house: House) -> None:
    contract = signed(house, auto_renew=True)
    at(house, "2026-11-01")
    house.do(GiveNotice(effective_at="2026-11-15", by="client"), contract=contract)

    at(house, "2027-01-01")
    assert events(house, "contract.renewed") == []
    at(house, "2027-01-31")

    [lost] = events(house, "renewal.lost")
    assert (lost.data["reason"], lost.data["voluntary"]) == ("expired", True)


def test_a_notice_to_a_later_day_is_over_then_and_one_that_is_taken_back_changes_nothing(house: House) -> None:
    later, back = signed(house, auto_renew=True), signed(house, auto_renew=True)
    at(house, "2026-11-01")
    for contract in (later, back):
        notice = GiveNotice(effective_at="2026-12-20", effective_end="2027-03-01", by="client")
        house.do(notice, contract=contract)
    house.do(WithdrawNotice(), contract=back)

    at(house, "2027-03-30")
    assert [one.stream_id for one in events(house, "contract.renewed")] == [back]
    assert events(house, "contract.expired") == []
    at(house, "2027-03-31")
    assert [(one.stream_id, one.data["end"]) for one in events(house, "contract.expired")] == [(later, "2027-03-01")]


def test_a_decision_that_was_put_off_is_waited_for(house: House) -> None:
    itself, others = signed(house, auto_renew=True), signed(house)
    at(house, "2026-11-01")
    for contract in (itself, others):
        house.do(DeferRenewal(new_due="2027-02-15"), renewal=f"ref:{contract}@2027-01-01")

    at(house, "2027-02-14")
    assert events(house, "contract.renewed") == []
    at(house, "2027-02-15")
    assert [one.data["start"] for one in events(house, "contract.renewed")] == ["2027-01-01"]
    at(house, "2027-03-16")
    assert events(house, "contract.expired") == []
    at(house, "2027-03-17")
    assert [one.stream_id for one in events(house, "contract.expired")] == [others]


def test_what_somebody_decided_in_time_is_left_alone(house: House) -> None:
    contract = signed(house)
    at(house, "2026-12-01")
    house.do(RenewContract(end="2028-01-01"), contract=contract)
    before = house.catch_up()

    at(house, "2027-02-15")

    assert house.runtime.log.head(house.tenant) == before
    at(house, "2027-07-05")
    assert events(house, "renewal.opened")[-1].data["due"] == "2028-01-01"


def test_one_contract_that_is_refused_keeps_no_other_waiting_and_is_told_of(house: House) -> None:
    closed, other = signed(house, auto_renew=True), signed(house, auto_renew=True)
    at(house, "2026-12-01")
    account = house.runtime.handler.load(house.tenant, "contract", closed)[1].state.account
    house.do(CloseAccount(), account=account)

    house.clock.set("2027-01-01T12:00:00Z")
    looked = look(house)

    assert [one.stream_id for one in events(house, "contract.renewed")] == [other]
    assert looked.refusals == [(closed, "2027-01-01", "account_closed")]
    assert look(house).refusals == []  # left alone for a while
    house.clock.set("2027-01-01T12:02:00Z")
    assert look(house).refusals == [(closed, "2027-01-01", "account_closed")]


def test_a_stream_that_cannot_be_read_keeps_no_other_waiting(house: House) -> None:
    broken, other = signed(house), signed(house)
    strange = StoredEvent(broken, 3, "contract.teleported", b'{"data":{"to":"the moon"},"meta":{},"salt":""}')
    house.runtime.log.recorder(house.tenant).insert_events([strange])  # newer code wrote it
    house.runtime.handler._memory.states.drop(house.tenant, [broken, other])

    house.clock.set("2026-07-05T12:00:00Z")
    looked = look(house)

    assert [one.data["contract"] for one in events(house, "renewal.opened")] == [other]
    assert [(contract, code) for contract, _, code in looked.refusals] == [(broken, "poison_KeyError")]
    assert looked.opened == 1
