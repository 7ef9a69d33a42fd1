"""The proposal: one live version, a frozen outcome, and a contract that is worth what was accepted."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.account.commands import CloseAccount
from app.domain.contract.commands import AddLine, AmendContract, GiveNotice, Line, RenewContract, SetLine
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import add_days, micros
from app.domain.proposal import commands as offers
from tests.domain.proposal.proposals import (
    ITEM,
    accepted,
    account,
    conceded,
    drafted,
    events,
    give,
    grown,
    refusal,
    signed,
    submitted,
    unsigned,
)
from tests.domain.scenario import Scenario
from tests.support.application import Steward

REVISED = offers.ReviseProposal(items=(ITEM,), cost="6000", valid_until="2026-04-01")


def test_a_new_version_supersedes_the_live_one_and_what_was_conceded_on_it(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward))
    conceded(sqlite_steward, proposal, "5000")
    assert refusal(sqlite_steward, offers.SubmitProposal(), proposal=proposal) == "approval_needed"

    sqlite_steward.do(REVISED, actor="mia", role="account_manager", proposal=proposal)
    submitted(sqlite_steward, proposal)

    assert refusal(sqlite_steward, offers.AcceptProposal(version=1), proposal=proposal) == "version_superseded"
    sqlite_steward.do(offers.AcceptProposal(version=2), proposal=proposal)
    (row,) = sqlite_steward.rows("proposals")
    assert (row.number, row.state, row.conceded, row.agreed) == (2, "accepted", 0, 12_000_000_000)
    assert [one["number"] for one in row.versions] == [1, 2]


def test_only_what_was_sent_to_the_client_is_accepted(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario))

    assert refusal(scenario, offers.AcceptProposal(version=1), proposal=proposal) == "not_submitted"
    submitted(scenario, proposal)
    assert refusal(scenario, offers.SubmitProposal(), proposal=proposal) == "already_submitted"
    early = offers.AcceptProposal(version=1, effective_at="2026-01-10")
    assert refusal(scenario, early, proposal=proposal) == "not_submitted"
    ahead = offers.AcceptProposal(version=1, effective_at="2026-02-10")
    assert refusal(scenario, ahead, proposal=proposal) == "decided_in_future"
    assert refusal(scenario, offers.AcceptProposal(version=2), proposal=proposal) == "version_superseded"


def test_an_offer_is_accepted_while_it_is_valid_and_expires_when_it_is_not(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward), valid_until="2026-01-19")
    submitted(sqlite_steward, proposal)
    assert refusal(sqlite_steward, offers.ExpireProposal(), proposal=proposal) == "still_valid"

    sqlite_steward.clock.set("2026-01-20T00:00:00Z")

    assert refusal(sqlite_steward, offers.AcceptProposal(version=1), proposal=proposal) == "proposal_lapsed"
    early = offers.ExpireProposal(effective_at="2026-01-19")
    assert refusal(sqlite_steward, early, proposal=proposal) == "still_valid"
    sqlite_steward.do(offers.ExpireProposal(), proposal=proposal)
    assert sqlite_steward.rows("proposals")[0].state == "expired"
    assert refusal(sqlite_steward, REVISED, proposal=proposal) == "proposal_expired"


def test_what_was_sent_or_declined_is_told_once_it_was(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario), valid_until="2099-01-01")
    for ahead in (
        offers.SubmitProposal(effective_at="2098-01-01"),
        offers.DeclineProposal(reason="price", effective_at="2098-01-01"),
    ):
        assert refusal(scenario, ahead, proposal=proposal) == "decided_in_future"

    accepted(scenario, proposal)


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("Pacific/Kiritimati", "2026-01-15T10:30:00Z", "2026-01-16"),
        ("America/New_York", "2026-01-16T04:59:59Z", "2026-01-15"),
    ],
)
def test_an_offer_that_is_valid_until_today_is_made_and_accepted_today_in_the_tenants_zone(
    zone: str, now: str, today: str
) -> None:
    scenario = Scenario(now=micros(now), zone=ZoneInfo(zone))
    proposal = drafted(scenario, account(scenario), valid_until=today)
    accepted(scenario, proposal)

    assert scenario.state("proposal", proposal).outcome == "accepted"
    yesterday = add_days(today, -1)
    told = {"currency": "EUR", "items": (ITEM,), "valid_until": yesterday}
    assert (
        refusal(scenario, offers.DraftProposal(**told), kind=Invalid, account=account(scenario)) == "valid_until_passed"
    )


def test_the_last_instant_of_validity_still_binds(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward), valid_until="2026-01-19")
    submitted(sqlite_steward, proposal)

    sqlite_steward.clock.set("2026-01-19T23:59:59Z")
    sqlite_steward.do(offers.AcceptProposal(version=1), proposal=proposal)

    assert sqlite_steward.rows("proposals")[0].state == "accepted"


@pytest.mark.parametrize("outcome", ["accepted", "declined"])
def test_nothing_changes_a_proposal_that_is_decided(scenario: Scenario, outcome: str) -> None:
    proposal = drafted(scenario, account(scenario))
    if outcome == "accepted":
        accepted(scenario, proposal)
    else:
        scenario.do(offers.DeclineProposal(reason="price"), proposal=proposal)

    for command in (
        REVISED,
        offers.SubmitProposal(),
        offers.RecordClientPosition(position="They want more"),
        give("1"),
        offers.ApproveConcession(concession="c1"),
        offers.RejectConcession(concession="c1", reason="no"),
        offers.AcceptProposal(version=1),
        offers.DeclineProposal(reason="price"),
        offers.ExpireProposal(),
    ):
        assert refusal(scenario, command, actor="dora", role="director", proposal=proposal) == f"proposal_{outcome}"


def test_an_offer_on_a_closed_account_can_only_end(scenario: Scenario) -> None:
    mine = account(scenario)
    proposal = drafted(scenario, mine)
    scenario.do(CloseAccount(), account=mine)

    assert refusal(scenario, offers.SubmitProposal(), proposal=proposal) == "account_closed"
    draft = offers.DraftProposal(currency="EUR", items=(ITEM,), valid_until="2026-03-01")
    assert refusal(scenario, draft, account=mine) == "account_closed"
    scenario.do(offers.DeclineProposal(reason="they left"), proposal=proposal)


def test_a_proposal_names_only_things_of_its_own_account(scenario: Scenario) -> None:
    theirs = signed(scenario, account(scenario))
    draft = offers.DraftProposal(currency="EUR", items=(ITEM,), valid_until="2026-03-01", contract=theirs)

    assert refusal(scenario, draft, account=account(scenario)) == "other_account"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"valid_until": "2026-01-14"}, "valid_until_passed"),
        ({"items": (offers.Item(item="credit", product="p", unit_price="-1", interval="month"),)}, "amount_out_of_range"),
        (
            {"items": tuple(offers.Item(item=f"i{n}", product="p", unit_price="80000000000", interval="month") for n in (1, 2))},
            "amount_out_of_range",
        ),
    ],
)  # fmt: skip
def test_an_offer_that_makes_no_sense_is_refused(scenario: Scenario, members: dict[str, Any], code: str) -> None:
    told = {"currency": "EUR", "items": (ITEM,), "valid_until": "2026-03-01", **members}

    assert refusal(scenario, offers.DraftProposal(**told), kind=Invalid, account=account(scenario)) == code


def test_the_value_counts_what_recurs_and_what_is_paid_once_apart(sqlite_steward: Steward) -> None:
    once = offers.Item(item="start", product="workshop", kind="one_off", quantity="2", unit_price="750.50")
    usage = offers.Item(item="ads", product="ads", kind="usage_commit", unit_price="100", interval="quarter")

    drafted(sqlite_steward, account(sqlite_steward), items=(ITEM, once, usage))

    (row,) = sqlite_steward.rows("proposals")
    assert (row.value, row.one_off) == (12_400_000_000, 1_501_000_000)


# --- the contract that it becomes ---


def test_an_accepted_version_becomes_the_contract_that_is_worth_the_same(sqlite_steward: Steward) -> None:
    mine = account(sqlite_steward)
    proposal = drafted(sqlite_steward, mine)
    accepted(sqlite_steward, proposal)
    contract = unsigned(sqlite_steward, mine)
    dearer = unsigned(
        sqlite_steward, mine, lines=({"line": "main", "product": "p", "unit_price": "1001", "interval": "month"},)
    )

    def named(of: str, event: str) -> offers.ContractProposal:
        return offers.ContractProposal(contract=of, event=event)

    (drafted_event,) = (one.event_id for one in events(sqlite_steward, contract))
    assert refusal(sqlite_steward, named(dearer, drafted_event), proposal=proposal) == "unknown_event"
    assert (
        refusal(sqlite_steward, named(dearer, events(sqlite_steward, dearer)[0].event_id), proposal=proposal)
        == "value_differs"
    )
    sqlite_steward.do(named(contract, drafted_event), proposal=proposal)

    (row,) = sqlite_steward.rows("proposals")
    assert (row.contract, row.contract_event, row.basis, row.state) == (contract, drafted_event, "whole", "accepted")
    assert refusal(sqlite_steward, named(contract, drafted_event), proposal=proposal) == "proposal_contracted"


def test_what_was_conceded_of_the_price_is_what_the_contract_costs_less(scenario: Scenario) -> None:
    mine = account(scenario)
    proposal = drafted(scenario, mine)
    conceded(scenario, proposal, "600")
    conceded(scenario, proposal, "300", kind="service", given="a report each month")
    accepted(scenario, proposal)
    full = unsigned(scenario, mine)
    less = unsigned(scenario, mine, lines=({"line": "main", "product": "p", "unit_price": "950", "interval": "month"},))

    command = offers.ContractProposal(contract=full, event=events(scenario, full)[0].event_id)
    assert refusal(scenario, command, proposal=proposal) == "value_differs"
    scenario.do(offers.ContractProposal(contract=less, event=events(scenario, less)[0].event_id), proposal=proposal)

    told = events(scenario, proposal)[-1].data
    assert (told["annual_value"], told["basis"]) == ("11400", "whole")


def test_an_amendment_takes_an_offer_over_by_what_it_adds_and_a_renewal_by_what_it_is(
    sqlite_steward: Steward,
) -> None:
    mine = account(sqlite_steward)
    contract = signed(sqlite_steward, mine)
    added, renewed = drafted(sqlite_steward, mine), drafted(sqlite_steward, mine)
    accepted(sqlite_steward, added)
    accepted(sqlite_steward, renewed)
    event = grown(sqlite_steward, contract, "1000")
    sqlite_steward.do(offers.ContractProposal(contract=contract, event=event), proposal=added)
    sqlite_steward.do(
        AmendContract(
            effective_at="2026-03-01", changes=(SetLine(op="set_line", line="more", quantity="0", cause="negotiation"),)
        ),
        contract=contract,
    )

    renewal = sqlite_steward.do(RenewContract(end="2028-01-01"), contract=contract).events[0][0]
    sqlite_steward.do(offers.ContractProposal(contract=contract, event=renewal), proposal=renewed)

    bases = {row.proposal: row.basis for row in sqlite_steward.rows("proposals")}
    assert bases == {added: "change", renewed: "whole"}


def test_what_is_sold_once_is_part_of_what_was_accepted(scenario: Scenario) -> None:
    of = account(scenario)
    once = offers.Item(item="setup", product="setup", kind="one_off", quantity="2", unit_price="2500")
    both, only = (drafted(scenario, of, items=items, cost=None) for items in ((ITEM, once), (once,)))
    for proposal in (both, only):
        accepted(scenario, proposal)
    line = {"line": "setup", "product": "setup", "kind": "one_off", "unit_price": "5000"}
    main = Line(line="main", product="retainer", unit_price="1000.00", interval="month")
    without = signed(scenario, of, lines=(main,))
    full = signed(scenario, of, lines=(main, Line(**line)))

    def added(price: str, name: str) -> str:
        change = AddLine(op="add_line", **{**line, "line": name, "unit_price": price})
        return scenario.do(AmendContract(effective_at="2026-02-01", changes=(change,)), contract=without).events[0][0]

    def code(proposal: str, contract: str, event: str) -> str:
        return refusal(scenario, offers.ContractProposal(contract=contract, event=event), proposal=proposal)

    assert code(both, without, events(scenario, without)[0].event_id) == "value_differs"
    assert code(only, without, added("7", "small")) == "value_differs"
    grown_too = grown(scenario, full)
    assert code(only, full, grown_too) == "value_differs"

    scenario.do(offers.ContractProposal(contract=full, event=events(scenario, full)[0].event_id), proposal=both)
    scenario.do(offers.ContractProposal(contract=without, event=added("5000", "setup")), proposal=only)


def test_what_no_contract_agreed_on_takes_nothing_over(scenario: Scenario) -> None:
    mine = account(scenario)
    contract, foreign = signed(scenario, mine), signed(scenario, account(scenario))
    dollars = signed(scenario, mine, currency="USD")
    proposal = drafted(scenario, mine)

    def code(of: str, event: str) -> str:
        return refusal(scenario, offers.ContractProposal(contract=of, event=event), proposal=proposal)

    first = events(scenario, contract)[0].event_id
    assert code(contract, first) == "not_accepted"
    accepted(scenario, proposal)
    assert code(foreign, events(scenario, foreign)[0].event_id) == "other_account"
    assert code(dollars, events(scenario, dollars)[0].event_id) == "currency_differs"
    notice = scenario.do(GiveNotice(effective_at="2026-01-15", effective_end="2026-12-01"), contract=contract).events[
        0
    ][0]
    assert code(contract, notice) == "event_sells_nothing"
    assert code(contract, "evt_nonsense") == "unknown_event"


def test_an_event_takes_one_offer_over_and_no_other(steward: Steward) -> None:
    mine = account(steward)
    contract = signed(steward, mine)
    first, second = drafted(steward, mine), drafted(steward, mine)
    accepted(steward, first)
    accepted(steward, second)
    draft, signature = (one.event_id for one in events(steward, contract))

    steward.do(offers.ContractProposal(contract=contract, event=draft), proposal=first)

    command = offers.ContractProposal(contract=contract, event=signature)
    assert refusal(steward, command, proposal=second) == "contract_event_taken"


def test_names_and_words_of_the_client_are_sealed(steward: Steward) -> None:
    proposal = drafted(steward, account(steward), terms="Ada Lind pays by the month")
    steward.do(offers.RecordClientPosition(position="Ada Lind says no"), proposal=proposal)
    conceded(steward, proposal, "5000")
    steward.do(offers.RejectConcession(concession="c1", reason="Ada Lind earns enough"), actor="mia", proposal=proposal)
    accepted(steward, proposal)

    assert all(b"Ada" not in one.body for one in events(steward, proposal))
    steward.catch_up()
    rows = steward.rows("proposals")
    assert "Ada" not in repr(rows)
