"""The opportunity: stages in order, an outcome for ever, and a won value that the contract says."""

from collections.abc import Callable
from typing import Any

import pytest

from app.domain.account.commands import CloseAccount
from app.domain.contract.commands import (
    AmendContract,
    CorrectContract,
    RemoveLine,
    RenewContract,
    SetLine,
    SignContract,
)
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Invalid
from app.domain.opportunity import commands as chances
from tests.domain.proposal.proposals import account, estimate, events, grown, refusal, seen, signed, unsigned
from tests.domain.scenario import Scenario, TakesCommands
from tests.support.application import Steward

QUALIFY = chances.QualifyOpportunity(need="They open in France")
PARK = chances.ParkOpportunity(until="2026-06-01", reason="no budget")
LOSE = chances.LoseOpportunity(reason="price")


def stage(name: Any) -> chances.AdvanceOpportunity:
    """Another stage."""
    return chances.AdvanceOpportunity(stage=name)


def win(event: str, contract: str | None = None, value: str | None = None) -> chances.WinOpportunity:
    """Won by an event of a contract."""
    return chances.WinOpportunity(event=event, contract=contract, value=value)


def test_it_goes_from_stage_to_stage_once_it_is_known_what_it_is(sqlite_steward: Steward) -> None:
    chance = seen(sqlite_steward, account(sqlite_steward))

    assert refusal(sqlite_steward, stage("qualified"), opportunity=chance) == "not_qualified"
    sqlite_steward.do(QUALIFY, opportunity=chance)
    assert sqlite_steward.rows("opportunities")[0].stage == "qualified"
    assert refusal(sqlite_steward, stage("qualified"), opportunity=chance) == "nothing_changes"
    assert refusal(sqlite_steward, stage("proposed"), opportunity=chance) == "not_estimated"
    sqlite_steward.do(estimate(), opportunity=chance)
    sqlite_steward.do(stage("negotiation"), opportunity=chance)
    sqlite_steward.do(QUALIFY, opportunity=chance)
    (row,) = sqlite_steward.rows("opportunities")
    assert (row.stage, row.annual_value, row.probability) == ("negotiation", 6_000_000_000, 400_000)
    sqlite_steward.do(stage("identified"), opportunity=chance)


def test_a_probability_lies_between_0_and_1(scenario: Scenario) -> None:
    chance = seen(scenario, account(scenario))

    assert refusal(scenario, estimate("1", "-0.1"), kind=Invalid, opportunity=chance) == "probability_out_of_range"
    with pytest.raises(ValueError, match="between"):
        estimate("1", "1.1")


def test_what_is_parked_rests_until_it_is_put_at_a_stage(sqlite_steward: Steward) -> None:
    chance = seen(sqlite_steward, account(sqlite_steward))
    past = chances.ParkOpportunity(until="2026-01-15", reason="no budget")
    assert refusal(sqlite_steward, past, kind=Invalid, opportunity=chance) == "until_not_ahead"

    sqlite_steward.do(PARK, opportunity=chance)

    for command in (QUALIFY, estimate()):
        assert refusal(sqlite_steward, command, opportunity=chance) == "opportunity_parked"
    sqlite_steward.do(chances.ParkOpportunity(until="2026-07-01", reason="still none"), opportunity=chance)
    (row,) = sqlite_steward.rows("opportunities")
    assert (row.outcome, row.parked_until, row.parked_because) == ("parked", "2026-07-01", "still none")
    sqlite_steward.do(stage("identified"), opportunity=chance)
    (row,) = sqlite_steward.rows("opportunities")
    assert (row.outcome, row.parked_until, row.parked_because) == ("open", None, None)


@pytest.mark.parametrize(
    "command", [QUALIFY, estimate(), stage("identified"), PARK, LOSE], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_an_outcome_is_never_changed(scenario: Scenario, outcome: str, command: Command) -> None:
    mine = account(scenario)
    contract = signed(scenario, mine)
    event = grown(scenario, contract)
    chance = seen(scenario, mine)
    scenario.do(LOSE if outcome == "lost" else win(event, contract), opportunity=chance)

    assert refusal(scenario, command, opportunity=chance) == f"opportunity_{outcome}"
    assert refusal(scenario, win(event, contract), opportunity=chance) == f"opportunity_{outcome}"


def test_on_a_closed_account_it_can_only_rest_or_be_lost(scenario: Scenario) -> None:
    mine = account(scenario)
    chance = seen(scenario, mine)
    scenario.do(CloseAccount(), account=mine)

    assert refusal(scenario, QUALIFY, opportunity=chance) == "account_closed"
    new = chances.IdentifyOpportunity(title="Another", kind="upsell", source="usage")
    assert refusal(scenario, new, account=mine) == "account_closed"
    scenario.do(PARK, opportunity=chance)
    scenario.do(LOSE, opportunity=chance)


def test_it_names_only_things_of_its_own_account(scenario: Scenario) -> None:
    theirs = signed(scenario, account(scenario))
    new = chances.IdentifyOpportunity(title="Another", kind="upsell", source="usage", contract=theirs)

    assert refusal(scenario, new, account=account(scenario)) == "other_account"


# --- what it is worth ---


def test_the_won_value_is_what_the_amendment_changed_a_year(sqlite_steward: Steward) -> None:
    mine = account(sqlite_steward)
    contract = signed(sqlite_steward, mine)
    event = grown(sqlite_steward, contract, "250")
    chance = seen(sqlite_steward, mine, contract=contract)

    assert refusal(sqlite_steward, win(event, value="3000.01"), opportunity=chance) == "value_differs"
    sqlite_steward.do(win(event, value="3000.00"), opportunity=chance)

    told = events(sqlite_steward, chance)[-1].data
    assert (told["contract_event"], told["value"], told["before"], told["after"]) == (event, "3000", "0", "3000")
    (row,) = sqlite_steward.rows("opportunities")
    assert (row.outcome, row.won, row.won_currency) == ("won", 3_000_000_000, "EUR")


def test_a_change_of_price_is_won_at_the_difference(scenario: Scenario) -> None:
    mine = account(scenario)
    contract = signed(scenario, mine)
    dearer = AmendContract(effective_at="2026-03-01", changes=(SetLine(op="set_line", line="main", unit_price="1100"),))
    event = scenario.do(dearer, contract=contract).events[0][0]
    chance = seen(scenario, mine)

    scenario.do(win(event, contract), opportunity=chance)

    told = events(scenario, chance)[-1].data
    assert (told["value"], told["before"], told["after"]) == ("1200", "12000", "13200")


@pytest.mark.parametrize("named", [0, 1], ids=["draft", "signature"])
def test_a_new_contract_is_won_once_it_is_signed(scenario: Scenario, named: int) -> None:
    mine = account(scenario)
    contract = unsigned(scenario, mine)
    chance = seen(scenario, mine)
    draft = events(scenario, contract)[0].event_id
    assert refusal(scenario, win(draft, contract), opportunity=chance) == "contract_not_signed"
    scenario.do(SignContract(signed_at="2026-01-10"), contract=contract)

    scenario.do(win(events(scenario, contract)[named].event_id, contract), opportunity=chance)

    told = events(scenario, chance)[-1].data
    assert (told["contract_event"], told["value"]) == (draft, "12000")


def test_a_renewal_is_won_at_its_uplift(scenario: Scenario) -> None:
    mine = account(scenario)
    contract = signed(scenario, mine)
    line = {"line": "main", "product": "retainer", "unit_price": "1150.00", "interval": "month"}
    renewal = RenewContract(end="2028-01-01", lines=(line,))
    event = scenario.do(renewal, contract=contract).events[0][0]
    chance = seen(scenario, mine, source="renewal")

    scenario.do(win(event, contract), opportunity=chance)

    told = events(scenario, chance)[-1].data
    assert (told["value"], told["before"], told["after"]) == ("1800", "12000", "13800")


def test_a_line_that_begins_later_counts_from_when_it_begins(scenario: Scenario) -> None:
    mine = account(scenario)
    contract = signed(scenario, mine)
    more = {
        "op": "add_line",
        "line": "more",
        "product": "p",
        "unit_price": "100",
        "interval": "month",
        "start": "2026-05-01",
    }
    event = scenario.do(AmendContract(effective_at="2026-02-01", changes=(more,)), contract=contract).events[0][0]
    chance = seen(scenario, mine)

    scenario.do(win(event, contract), opportunity=chance)

    assert events(scenario, chance)[-1].data["value"] == "1200"


def _smaller(scenario: TakesCommands, contract: str) -> str:
    fewer = AmendContract(effective_at="2026-02-01", changes=(RemoveLine(op="remove_line", line="main"),))
    return scenario.do(fewer, contract=contract).events[0][0]


def _corrected(scenario: TakesCommands, contract: str) -> str:
    event = grown(scenario, contract)
    fixed = CorrectContract(corrects=event, changes=(SetLine(op="set_line", line="main", unit_price="999"),))
    return scenario.do(fixed, contract=contract).events[0][0]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (_smaller, "contract_shrank"),
        (_corrected, "event_sells_nothing"),
        (lambda _house, _contract: "evt_nonsense", "unknown_event"),
    ],
)
def test_what_is_no_sale_wins_nothing(scenario: Scenario, event: Callable[[Steward, str], str], code: str) -> None:
    mine = account(scenario)
    contract = signed(scenario, mine)
    chance = seen(scenario, mine)

    assert refusal(scenario, win(event(scenario, contract), contract), opportunity=chance) == code


def test_another_clients_contract_wins_nothing(sqlite_steward: Steward) -> None:
    theirs = signed(sqlite_steward, account(sqlite_steward))
    event = grown(sqlite_steward, theirs)
    chance = seen(sqlite_steward, account(sqlite_steward))

    assert refusal(sqlite_steward, win(event, theirs), opportunity=chance) == "other_account"
    assert refusal(sqlite_steward, win(event), kind=Invalid, opportunity=chance) == "contract_missing"


def test_one_event_never_wins_two_opportunities(steward: Steward) -> None:
    mine = account(steward)
    contract = signed(steward, mine)
    event = grown(steward, contract)
    first, second = seen(steward, mine), seen(steward, mine)
    draft, signature = (one.event_id for one in events(steward, contract)[:2])

    steward.do(win(event, contract), opportunity=first)

    assert refusal(steward, win(event, contract), opportunity=second) == "contract_event_taken"
    steward.do(win(draft, contract), opportunity=second)
    assert refusal(steward, win(signature, contract), opportunity=seen(steward, mine)) == "contract_event_taken"


def test_an_outcome_is_recorded_once_it_is_there(scenario: Scenario) -> None:
    chance = seen(scenario, account(scenario))

    ahead = chances.LoseOpportunity(reason="price", effective_at="2026-02-01")
    assert refusal(scenario, ahead, opportunity=chance) == "decided_in_future"


def test_what_was_told_late_counts_from_when_it_was_true(steward: Steward) -> None:
    chance = seen(steward, account(steward), effective_at="2026-01-01")
    steward.do(estimate("6000", "0.5", effective_at="2026-01-10"), opportunity=chance)
    steward.do(estimate("2000", "0.1", effective_at="2026-01-05"), opportunity=chance)

    def annual(**clocks: str) -> int:
        (row,) = steward.rows("opportunities", **clocks)
        return int(row.annual_value)

    assert annual() == 6_000_000_000
    assert annual(as_of="2026-01-07") == 2_000_000_000
    assert annual(as_of="2026-01-11") == 6_000_000_000


def test_the_clients_need_is_sealed(steward: Steward) -> None:
    chance = seen(steward, account(steward))
    steward.do(chances.QualifyOpportunity(need="Ada Lind opens in France"), opportunity=chance)

    assert all(b"Ada" not in one.body for one in events(steward, chance))
    assert "Ada" not in repr(steward.rows("opportunities"))
