"""Concessions: a give for a get, limits of roles, the margin floor, and who says yes to more."""

import pytest

from app.domain.kernel.errors import Invalid
from app.domain.proposal import commands as offers
from tests.domain.proposal.proposals import ITEM, account, conceded, drafted, events, give, limits, refusal, submitted
from tests.domain.scenario import Scenario, TakesCommands
from tests.support.application import Steward

C1 = offers.ApproveConcession(concession="c1")


def states(scenario: TakesCommands, proposal: str) -> dict[str, str]:
    """The state of each concession on the live version."""
    return {name: concession.state for name, concession in scenario.state("proposal", proposal).concessions.items()}


def test_a_give_needs_a_get_or_the_reason_why_there_is_none(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario))

    assert refusal(scenario, give("10", in_exchange_for=None), proposal=proposal) == "exchange_missing"
    reason = "they are unhappy with the launch"
    conceded(scenario, proposal, "10", in_exchange_for=None, no_exchange_reason=reason)

    assert events(scenario, proposal)[-1].data["no_exchange_reason"] == reason


def test_what_is_within_the_limit_binds_at_once(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward))

    conceded(sqlite_steward, proposal, "1000")
    submitted(sqlite_steward, proposal)

    (row,) = sqlite_steward.rows("proposals")
    assert (row.conceded, row.awaiting, row.state) == (1_000_000_000, False, "submitted")


def test_the_sum_of_what_an_actor_gives_counts_and_not_each_alone(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario))

    conceded(scenario, proposal, "600")
    conceded(scenario, proposal, "400")
    conceded(scenario, proposal, "0.000001")
    conceded(scenario, proposal, "900", actor="max")

    assert states(scenario, proposal) == {"c1": "binding", "c2": "binding", "c3": "awaiting", "c4": "binding"}
    asked = [one.data for one in events(scenario, proposal) if one.type == "proposal.approval_requested"]
    assert [(one["concession"], one["needs"]) for one in asked] == [("c3", ["limit"])]


def test_what_waits_binds_nobody_and_holds_up_the_offer(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward))
    submitted(sqlite_steward, proposal)

    conceded(sqlite_steward, proposal, "2000")

    accept = offers.AcceptProposal(version=1)
    assert refusal(sqlite_steward, accept, proposal=proposal) == "approval_needed"
    assert sqlite_steward.rows("proposals")[0].conceded == 0
    sqlite_steward.do(C1, actor="sven", role="senior_account_manager", proposal=proposal)
    sqlite_steward.do(accept, proposal=proposal)
    (row,) = sqlite_steward.rows("proposals")
    assert (row.conceded, row.agreed) == (2_000_000_000, 10_000_000_000)


@pytest.mark.parametrize("role", ["account_manager", "senior_account_manager", "director", "admin"])
def test_nobody_approves_his_own_concession_in_whatever_role(scenario: Scenario, role: str) -> None:
    proposal = drafted(scenario, account(scenario))
    conceded(scenario, proposal, "2000")

    assert refusal(scenario, C1, actor="mia", role=role, proposal=proposal) == "self_approval"


@pytest.mark.parametrize("role", ["account_manager", "auditor", "integration", ""])
def test_only_a_more_senior_role_approves_or_rejects(scenario: Scenario, role: str) -> None:
    proposal = drafted(scenario, account(scenario))
    conceded(scenario, proposal, "2000")

    assert refusal(scenario, C1, actor="max", role=role, proposal=proposal) == "approval_not_allowed"
    no = offers.RejectConcession(concession="c1", reason="too much")
    assert refusal(scenario, no, actor="max", role=role, proposal=proposal) == "approval_not_allowed"


def test_an_approver_whose_own_limit_does_not_reach_is_refused_also_in_slices(scenario: Scenario) -> None:
    big = offers.Item(item="main", product="retainer", unit_price="100000.00", interval="year")
    proposal = drafted(scenario, account(scenario), items=(big,), cost="0")
    conceded(scenario, proposal, "1000")
    conceded(scenario, proposal, "8000")
    conceded(scenario, proposal, "1000.5")
    senior = {"actor": "sven", "role": "senior_account_manager"}

    scenario.do(offers.ApproveConcession(concession="c2"), **senior, proposal=proposal)

    third = offers.ApproveConcession(concession="c3")
    assert refusal(scenario, third, **senior, proposal=proposal) == "limit_exceeded"
    scenario.do(third, actor="dora", role="director", proposal=proposal)
    assert states(scenario, proposal) == {"c1": "binding", "c2": "binding", "c3": "binding"}


def test_who_said_yes_up_to_his_limit_gives_nothing_more_on_his_own(scenario: Scenario) -> None:
    big = ITEM.model_copy(update={"unit_price": "10000.00"})
    proposal = drafted(scenario, account(scenario), items=(big,))
    conceded(scenario, proposal, "9000")
    scenario.do(C1, actor="sue", role="senior_account_manager", proposal=proposal)

    conceded(scenario, proposal, "1000.000001", actor="sue", role="senior_account_manager")
    conceded(scenario, proposal, "1000", actor="sam", role="senior_account_manager")

    assert states(scenario, proposal) == {"c1": "binding", "c2": "awaiting", "c3": "binding"}


def test_below_the_margin_floor_a_director_says_yes(scenario: Scenario) -> None:
    # 12,000 a year, 9,000 of it cost: 600 are above the floor of 2,400.
    proposal = drafted(scenario, account(scenario), cost="9000")

    conceded(scenario, proposal, "600")
    conceded(scenario, proposal, "100")

    told = events(scenario, proposal)[-1].data
    assert (told["concession"], told["needs"]) == ("c2", ["margin"])
    yes = offers.ApproveConcession(concession="c2")
    assert (
        refusal(scenario, yes, actor="sven", role="senior_account_manager", proposal=proposal) == "margin_below_floor"
    )
    scenario.do(yes, actor="dora", role="director", proposal=proposal)
    submitted(scenario, proposal)


def test_the_floor_is_looked_at_again_when_what_waited_is_approved(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario), cost="8000")
    conceded(scenario, proposal, "1500")  # waits for the limit alone
    conceded(scenario, proposal, "500", actor="max")  # binds: 1,600 were left

    senior = {"actor": "sven", "role": "senior_account_manager"}
    assert refusal(scenario, C1, **senior, proposal=proposal) == "margin_below_floor"
    scenario.do(C1, actor="dora", role="director", proposal=proposal)


def test_a_director_who_gives_below_the_floor_has_said_yes_and_nobody_after_him_gives_more(
    scenario: Scenario,
) -> None:
    proposal = drafted(scenario, account(scenario), cost="9000")

    conceded(scenario, proposal, "1000", actor="dora", role="director")
    conceded(scenario, proposal, "0.5")

    assert states(scenario, proposal) == {"c1": "binding", "c2": "awaiting"}


def test_a_version_below_the_floor_is_sent_only_with_a_directors_consent(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward), cost="10000")
    whole = offers.ApproveConcession()

    assert sqlite_steward.rows("proposals")[0].awaiting
    assert refusal(sqlite_steward, offers.SubmitProposal(), proposal=proposal) == "margin_below_floor"
    assert refusal(sqlite_steward, whole, actor="mia", role="director", proposal=proposal) == "self_approval"
    assert (
        refusal(sqlite_steward, whole, actor="sven", role="senior_account_manager", proposal=proposal)
        == "approval_not_allowed"
    )
    sqlite_steward.do(whole, actor="dora", role="director", proposal=proposal)
    submitted(sqlite_steward, proposal)
    assert not sqlite_steward.rows("proposals")[0].awaiting
    assert refusal(sqlite_steward, whole, actor="dora", role="director", proposal=proposal) == "nothing_awaits"


def test_the_tenants_own_rules_count_and_the_approval_names_them(steward: Steward) -> None:
    limits(steward, "0.1", account_manager="50", senior_account_manager="100", director=None)
    proposal = drafted(steward, account(steward))

    conceded(steward, proposal, "50")
    conceded(steward, proposal, "20")

    assert refusal(steward, give("1", concession="c1"), proposal=proposal) == "concession_exists"
    steward.do(
        offers.ApproveConcession(concession="c2"), actor="sven", role="senior_account_manager", proposal=proposal
    )
    told = events(steward, proposal)[-1].data
    assert (told["limit_rule"], told["limit"], told["margin_floor"]) == ("approval@default/1", "100", "0.1")
    conceded(steward, proposal, "60")
    third = offers.ApproveConcession(concession="c3")
    assert refusal(steward, third, actor="sven", role="senior_account_manager", proposal=proposal) == "limit_exceeded"


def test_a_no_settles_it_and_the_version_goes_on_without(sqlite_steward: Steward) -> None:
    proposal = drafted(sqlite_steward, account(sqlite_steward))
    conceded(sqlite_steward, proposal, "2000")
    no = offers.RejectConcession(concession="c1", reason="too much")

    sqlite_steward.do(no, actor="sven", role="senior_account_manager", proposal=proposal)

    assert states(sqlite_steward, proposal) == {"c1": "rejected"}
    assert (
        refusal(sqlite_steward, no, actor="sven", role="senior_account_manager", proposal=proposal) == "nothing_awaits"
    )
    assert (
        refusal(sqlite_steward, C1, actor="sven", role="senior_account_manager", proposal=proposal) == "nothing_awaits"
    )
    conceded(sqlite_steward, proposal, "1000")  # what was rejected does not count
    submitted(sqlite_steward, proposal)
    assert sqlite_steward.rows("proposals")[0].conceded == 1_000_000_000


def test_who_offered_it_takes_it_back(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario))
    conceded(scenario, proposal, "2000")

    scenario.do(
        offers.RejectConcession(concession="c1", reason="a mistake"),
        actor="mia",
        role="account_manager",
        proposal=proposal,
    )

    submitted(scenario, proposal)


def test_more_is_never_given_than_there_is(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario), cost="0")
    conceded(scenario, proposal, "12000", actor="dora", role="director")

    more = give("0.000001")
    assert refusal(scenario, more, actor="dora", role="director", proposal=proposal) == "concession_exceeds_value"


def test_a_version_that_says_no_cost_any_more_does_not_hide_what_margin_is_left(
    scenario: Scenario,
) -> None:
    proposal = drafted(scenario, account(scenario), cost="11000")
    assert refusal(scenario, offers.SubmitProposal(), proposal=proposal) == "margin_below_floor"

    silent = offers.ReviseProposal(items=(ITEM,), valid_until="2026-03-01")

    assert refusal(scenario, silent, kind=Invalid, proposal=proposal) == "cost_missing"
    scenario.do(silent.model_copy(update={"cost": "11000"}), proposal=proposal)
    assert refusal(scenario, offers.SubmitProposal(), proposal=proposal) == "margin_below_floor"


def test_a_concession_of_another_version_is_none_of_the_live_one(scenario: Scenario) -> None:
    proposal = drafted(scenario, account(scenario))
    conceded(scenario, proposal, "2000", concession="off")
    scenario.do(offers.ReviseProposal(items=(ITEM,), cost="6000", valid_until="2026-03-01"), proposal=proposal)

    yes = offers.ApproveConcession(concession="off")
    assert refusal(scenario, yes, actor="dora", role="director", proposal=proposal) == "unknown_concession"
    assert refusal(scenario, give("1", concession="off"), proposal=proposal) == "concession_exists"
