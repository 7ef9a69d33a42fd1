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
from tests.domain.proposal_factory import account, estimate, events, grown, refusal, seen, signed, unsigned
from tests.support.applications import House

QUALIFY = chances.QualifyOpportunity(need="They open in France")
PARK = chances.ParkOpportunity(until="2026-06-01", reason="no budget")
LOSE = chances.LoseOpportunity(reason="price")


def stage(name: Any) -> chances.AdvanceOpportunity:
    """Another stage."""
    return chances.AdvanceOpportunity(stage=name)


def win(event: str, contract: str | None = None, value: str | None = None) -> chances.WinOpportunity:
    """Won by an event of a contract."""
    return chances.WinOpportunity(event=event, contract=contract, value=value)


def test_it_goes_from_stage_to_stage_once_it_is_known_what_it_is(cottage: House) -> None:
    chance = seen(cottage, account(cottage))

    assert refusal(cottage, stage("qualified"), opportunity=chance) == "not_qualified"
    cottage.do(QUALIFY, opportunity=chance)
    assert cottage.rows("opportunities")[0].stage == "qualified"
    assert refusal(cottage, stage("qualified"), opportunity=chance) == "nothing_changes"
    assert refusal(cottage, stage("proposed"), opportunity=chance) == "not_estimated"
    cottage.do(estimate(), opportunity=chance)
    cottage.do(stage("negotiation"), opportunity=chance)
    cottage.do(QUALIFY, opportunity=chance)
    (row,) = cottage.rows("opportunities")
    assert (row.stage, row.annual_value, row.probability) == ("negotiation", 6_000_000_000, 400_000)
    cottage.do(stage("identified"), opportunity=chance)


def test_a_probability_lies_between_0_and_1(cottage: House) -> None:
    chance = seen(cottage, account(cottage))

    assert refusal(cottage, estimate("1", "-0.1"), kind=Invalid, opportunity=chance) == "probability_out_of_range"
    with pytest.raises(ValueError, match="between"):
        estimate("1", "1.1")


def test_what_is_parked_rests_until_it_is_put_at_a_stage(cottage: House) -> None:
    chance = seen(cottage, account(cottage))
    past = chances.ParkOpportunity(until="2026-01-15", reason="no budget")
    assert refusal(cottage, past, kind=Invalid, opportunity=chance) == "until_not_ahead"

    cottage.do(PARK, opportunity=chance)

    for command in (QUALIFY, estimate()):
        assert refusal(cottage, command, opportunity=chance) == "opportunity_parked"
    cottage.do(chances.ParkOpportunity(until="2026-07-01", reason="still none"), opportunity=chance)
    (row,) = cottage.rows("opportunities")
    assert (row.outcome, row.parked_until, row.parked_because) == ("parked", "2026-07-01", "still none")
    cottage.do(stage("identified"), opportunity=chance)
    (row,) = cottage.rows("opportunities")
    assert (row.outcome, row.parked_until, row.parked_because) == ("open", None, None)


@pytest.mark.parametrize(
    "command", [QUALIFY, estimate(), stage("identified"), PARK, LOSE], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_an_outcome_is_never_changed(cottage: House, outcome: str, command: Command) -> None:
    mine = account(cottage)
    contract = signed(cottage, mine)
    event = grown(cottage, contract)
    chance = seen(cottage, mine)
    cottage.do(LOSE if outcome == "lost" else win(event, contract), opportunity=chance)

    assert refusal(cottage, command, opportunity=chance) == f"opportunity_{outcome}"
    assert refusal(cottage, win(event, contract), opportunity=chance) == f"opportunity_{outcome}"


def test_on_a_closed_account_it_can_only_rest_or_be_lost(cottage: House) -> None:
    mine = account(cottage)
    chance = seen(cottage, mine)
    cottage.do(CloseAccount(), account=mine)

    assert refusal(cottage, QUALIFY, opportunity=chance) == "account_closed"
    new = chances.IdentifyOpportunity(title="Another", kind="upsell", source="usage")
    assert refusal(cottage, new, account=mine) == "account_closed"
    cottage.do(PARK, opportunity=chance)
    cottage.do(LOSE, opportunity=chance)


def test_it_names_only_things_of_its_own_account(cottage: House) -> None:
    theirs = signed(cottage, account(cottage))
    new = chances.IdentifyOpportunity(title="Another", kind="upsell", source="usage", contract=theirs)

    assert refusal(cottage, new, account=account(cottage)) == "other_account"


# --- what it is worth ---


def test_the_won_value_is_what_the_amendment_changed_a_year(cottage: House) -> None:
    mine = account(cottage)
    contract = signed(cottage, mine)
    event = grown(cottage, contract, "250")
    chance = seen(cottage, mine, contract=contract)

    assert refusal(cottage, win(event, value="3000.01"), opportunity=chance) == "value_differs"
    cottage.do(win(event, value="3000.00"), opportunity=chance)

    told = events(cottage, chance)[-1].data
    assert (told["contract_event"], told["value"], told["before"], told["after"]) == (event, "3000", "0", "3000")
    (row,) = cottage.rows("opportunities")
    assert (row.outcome, row.won, row.won_currency) == ("won", 3_000_000_000, "EUR")


def test_a_change_of_price_is_won_at_the_difference(cottage: House) -> None:
    mine = account(cottage)
    contract = signed(cottage, mine)
    dearer = AmendContract(effective_at="2026-03-01", changes=(SetLine(op="set_line", line="main", unit_price="1100"),))
    event = cottage.do(dearer, contract=contract).events[0][0]
    chance = seen(cottage, mine)

    cottage.do(win(event, contract), opportunity=chance)

    told = events(cottage, chance)[-1].data
    assert (told["value"], told["before"], told["after"]) == ("1200", "12000", "13200")


@pytest.mark.parametrize("named", [0, 1], ids=["draft", "signature"])
def test_a_new_contract_is_won_once_it_is_signed(cottage: House, named: int) -> None:
    mine = account(cottage)
    contract = unsigned(cottage, mine)
    chance = seen(cottage, mine)
    draft = events(cottage, contract)[0].event_id
    assert refusal(cottage, win(draft, contract), opportunity=chance) == "contract_not_signed"
    cottage.do(SignContract(signed_at="2026-01-10"), contract=contract)

    cottage.do(win(events(cottage, contract)[named].event_id, contract), opportunity=chance)

    told = events(cottage, chance)[-1].data
    assert (told["contract_event"], told["value"]) == (draft, "12000")


def test_a_renewal_is_won_at_its_uplift(cottage: House) -> None:
    mine = account(cottage)
    contract = signed(cottage, mine)
    line = {"line": "main", "product": "retainer", "unit_price": "1150.00", "interval": "month"}
    renewal = RenewContract(end="2028-01-01", lines=(line,))
    event = cottage.do(renewal, contract=contract).events[0][0]
    chance = seen(cottage, mine, source="renewal")

    cottage.do(win(event, contract), opportunity=chance)

    told = events(cottage, chance)[-1].data
    assert (told["value"], told["before"], told["after"]) == ("1800", "12000", "13800")


def test_a_line_that_begins_later_counts_from_when_it_begins(cottage: House) -> None:
    mine = account(cottage)
    contract = signed(cottage, mine)
    more = {
        "op": "add_line",
        "line": "more",
        "product": "p",
        "unit_price": "100",
        "interval": "month",
        "start": "2026-05-01",
    }
    event = cottage.do(AmendContract(effective_at="2026-02-01", changes=(more,)), contract=contract).events[0][0]
    chance = seen(cottage, mine)

    cottage.do(win(event, contract), opportunity=chance)

    assert events(cottage, chance)[-1].data["value"] == "1200"


def _smaller(house: House, contract: str) -> str:
    fewer = AmendContract(effective_at="2026-02-01", changes=(RemoveLine(op="remove_line", line="main"),))
    return house.do(fewer, contract=contract).events[0][0]


def _corrected(house: House, contract: str) -> str:
    event = grown(house, contract)
    fixed = CorrectContract(corrects=event, changes=(SetLine(op="set_line", line="main", unit_price="999"),))
    return house.do(fixed, contract=contract).events[0][0]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (_smaller, "contract_shrank"),
        (_corrected, "event_sells_nothing"),
        (lambda _house, _contract: "evt_nonsense", "unknown_event"),
    ],
)
def test_what_is_no_sale_wins_nothing(cottage: House, event: Callable[[House, str], str], code: str) -> None:
    mine = account(cottage)
    contract = signed(cottage, mine)
    chance = seen(cottage, mine)

    assert refusal(cottage, win(event(cottage, contract), contract), opportunity=chance) == code


def test_another_clients_contract_wins_nothing(cottage: House) -> None:
    theirs = signed(cottage, account(cottage))
    event = grown(cottage, theirs)
    chance = seen(cottage, account(cottage))

    assert refusal(cottage, win(event, theirs), opportunity=chance) == "other_account"
    assert refusal(cottage, win(event), kind=Invalid, opportunity=chance) == "contract_missing"


def test_one_event_never_wins_two_opportunities(house: House) -> None:
    mine = account(house)
    contract = signed(house, mine)
    event = grown(house, contract)
    first, second = seen(house, mine), seen(house, mine)
    draft, signature = (one.event_id for one in events(house, contract)[:2])

    house.do(win(event, contract), opportunity=first)

    assert refusal(house, win(event, contract), opportunity=second) == "contract_event_taken"
    house.do(win(draft, contract), opportunity=second)
    assert refusal(house, win(signature, contract), opportunity=seen(house, mine)) == "contract_event_taken"


def test_an_outcome_is_recorded_once_it_is_there(cottage: House) -> None:
    chance = seen(cottage, account(cottage))

    ahead = chances.LoseOpportunity(reason="price", effective_at="2026-02-01")
    assert refusal(cottage, ahead, opportunity=chance) == "decided_in_future"


def test_what_was_told_late_counts_from_when_it_was_true(house: House) -> None:
    chance = seen(house, account(house), effective_at="2026-01-01")
    house.do(estimate("6000", "0.5", effective_at="2026-01-10"), opportunity=chance)
    house.do(estimate("2000", "0.1", effective_at="2026-01-05"), opportunity=chance)

    def annual(**clocks: str) -> int:
        (row,) = house.rows("opportunities", **clocks)
        return int(row.annual_value)

    assert annual() == 6_000_000_000
    assert annual(as_of="2026-01-07") == 2_000_000_000
    assert annual(as_of="2026-01-11") == 6_000_000_000


def test_the_clients_need_is_sealed(house: House) -> None:
    chance = seen(house, account(house))
    house.do(chances.QualifyOpportunity(need="Ada Lind opens in France"), opportunity=chance)

    assert all(b"Ada" not in one.body for one in events(house, chance))
    assert "Ada" not in repr(house.rows("opportunities"))
