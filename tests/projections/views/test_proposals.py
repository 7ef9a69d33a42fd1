"""The views of proposals and opportunities: known at each position, rebuilt, and from events of other systems."""

from typing import Any

import pytest

from app.domain.opportunity import commands as chances
from app.domain.proposal import commands as offers
from tests.domain.proposal.proposals import account, conceded, drafted, estimate, events, grown, seen, signed, submitted
from tests.support.application import Steward
from tests.support.views import assert_views_are_right


def play_negotiation(steward: Steward) -> tuple[str, str]:
    """A proposal that becomes part of a contract, and an opportunity that is won by it."""
    client = account(steward)
    contract = signed(steward, client)
    chance = seen(steward, client, contract=contract)
    steward.do(chances.QualifyOpportunity(need="They open in France"), opportunity=chance)
    steward.do(estimate(), opportunity=chance)
    steward.do(chances.ParkOpportunity(until="2026-02-01", reason="holidays"), opportunity=chance)
    steward.do(chances.AdvanceOpportunity(stage="negotiation"), opportunity=chance)
    item = offers.Item(item="fr", product="social", unit_price="300.00", interval="month")
    proposal = drafted(steward, client, items=(item,), cost="3000", opportunity=chance)
    steward.do(offers.ApproveConcession(), actor="dora", role="director", proposal=proposal)
    conceded(steward, proposal, "600")
    steward.do(offers.ApproveConcession(concession="c1"), actor="dora", role="director", proposal=proposal)
    steward.do(offers.ReviseProposal(items=(item,), cost="2000", valid_until="2026-03-01"), proposal=proposal)
    steward.do(offers.RecordClientPosition(position="Less, please", wants=("less",)), proposal=proposal)
    conceded(steward, proposal, "600")
    conceded(steward, proposal, "900", actor="max", role="")
    steward.do(
        offers.RejectConcession(concession="c3", reason="enough"),
        actor="mia",
        role="account_manager",
        proposal=proposal,
    )
    submitted(steward, proposal)
    steward.do(offers.AcceptProposal(version=2, by="Ada Lind"), proposal=proposal)
    event = grown(steward, contract, "250.00")
    steward.do(offers.ContractProposal(contract=contract, event=event), proposal=proposal)
    steward.do(chances.WinOpportunity(event=event), opportunity=chance)
    return proposal, chance


def test_what_was_known_at_a_position_is_what_was_answered_then(steward: Steward) -> None:
    answered: dict[int, Any] = {}
    do = steward.do

    def remembered(*arguments: Any, **keywords: Any) -> Any:
        receipt = do(*arguments, **keywords)
        answered[receipt.position] = (steward.rows("proposals"), steward.rows("opportunities"))
        return receipt

    steward.do = remembered  # type: ignore[method-assign]
    play_negotiation(steward)
    assert_views_are_right(steward)

    for position, (proposals, opportunities) in answered.items():
        assert steward.rows("proposals", known_at=str(position)) == proposals
        assert steward.rows("opportunities", known_at=str(position)) == opportunities


def test_the_row_holds_the_whole_negotiation(sqlite_steward: Steward) -> None:
    play_negotiation(sqlite_steward)

    (row,) = sqlite_steward.rows("proposals")
    assert [(version["number"], version["margin_awaits"]) for version in row.versions] == [(1, False), (2, False)]
    assert [(concession["concession"], concession["version"], concession["state"]) for concession in row.concessions] == [
        ("c1", 1, "binding"), ("c2", 2, "binding"), ("c3", 2, "rejected"),
    ]  # fmt: skip
    assert (row.state, row.value, row.agreed, row.basis) == ("accepted", 3_600_000_000, 3_000_000_000, "change")
    (chance,) = sqlite_steward.rows("opportunities")
    assert (chance.outcome, chance.stage, chance.won, chance.parked_until) == (
        "won",
        "negotiation",
        3_000_000_000,
        None,
    )


def _event(topic: str, event_id: str, subject: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": event_id, "source": "crm", "type": topic, "subject": subject,
        "time": "2026-01-10T09:00:00Z", "data": data,
    }  # fmt: skip


def test_events_of_other_systems_are_stored_once(steward: Steward) -> None:
    client = account(steward, external_ref="northwind")
    contract = signed(steward, client)
    event = grown(steward, contract)
    item = {"item": "fr", "product": "social", "unit_price": "250.00", "interval": "month"}
    ingested = [
        _event(
            "opportunity.identified", "1", "ref:northwind", opportunity="ref:O-1", title="France", kind="upsell", source="usage"
        ),
        _event("opportunity.won", "2", "ref:northwind", opportunity="ref:O-1", contract=contract, event=event),
        _event(
            "proposal.versioned", "3", "ref:northwind", proposal="ref:P-1", currency="EUR", items=[item], valid_until="2026-03-01"
        ),
        _event("proposal.submitted", "4", "ref:northwind", proposal="ref:P-1"),
        _event("proposal.accepted", "5", "ref:northwind", proposal="ref:P-1", version=1),
        _event("proposal.contracted", "6", "ref:northwind", proposal="ref:P-1", contract=contract, event=event),
    ]  # fmt: skip

    assert [item.status for item in steward.ingest(ingested)] == ["accepted"] * 6
    assert [item.status for item in steward.ingest(ingested)] == ["duplicate"] * 6

    assert steward.rows("opportunities")[0].won == 3_000_000_000
    assert steward.rows("proposals")[0].basis == "change"
    assert_views_are_right(steward)


@pytest.mark.parametrize("again", ["same batch", "later"])
def test_an_event_that_won_wins_nothing_else_in_the_same_batch_or_later(steward: Steward, again: str) -> None:
    client = account(steward, external_ref="northwind")
    contract = signed(steward, client)
    event = grown(steward, contract)
    first, second = seen(steward, client), seen(steward, client)
    ingested = [
        _event("opportunity.won", name, "ref:northwind", opportunity=name, contract=contract, event=event)
        for name in (first, second)
    ]

    items = (
        steward.ingest(ingested)
        if again == "same batch"
        else [*steward.ingest(ingested[:1]), *steward.ingest(ingested[1:])]
    )

    assert [item.status for item in items] == ["accepted", "refused"]
    assert items[1].refusal is not None
    assert items[1].refusal.code == "contract_event_taken"
    assert len(events(steward, second)) == 1


def test_a_concession_of_another_system_has_no_role_and_waits(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward, external_ref="northwind")
    proposal = drafted(sqlite_steward, client)
    give = {"kind": "price", "value": "1", "given": "a euro", "in_exchange_for": "a smile"}

    (item,) = sqlite_steward.ingest(
        [_event("proposal.concession_offered", "1", "ref:northwind", proposal=proposal, **give)]
    )

    assert item.status == "accepted"
    assert sqlite_steward.rows("proposals")[0].awaiting
