"""Proposals, concessions and opportunities, as the tests need them."""

from typing import Any

import pytest

from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import AddLine, AmendContract, DraftContract, Line, RecordContract
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError, Refused
from app.domain.opportunity import commands as chances
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.rules import ApprovalLimit, ApprovalRules
from app.domain.proposal import commands as offers
from tests.domain.scenario import TakesCommands

ITEM = offers.Item(item="main", product="retainer", unit_price="1000.00", interval="month")
"""12,000 a year."""
LATER = "2026-03-01"


def account(scenario: TakesCommands, **members: Any) -> str:
    """An open account."""
    return scenario.do(OpenAccount(**{"name": "Northwind", "currency": "EUR", **members})).id


def drafted(
    scenario: TakesCommands, account_id: str, actor: str = "mia", role: str = "account_manager", **members: Any
) -> str:
    """A proposal of 12,000 a year that costs 6,000, valid until March: half of it is margin."""
    told = {"currency": "EUR", "items": (ITEM,), "cost": "6000", "valid_until": LATER, **members}
    return scenario.do(offers.DraftProposal(**told), actor=actor, role=role, account=account_id).id


def give(value: str, **members: Any) -> offers.OfferConcession:
    """Something off the price for a longer term."""
    told = {"kind": "price", "given": "a little off", "in_exchange_for": "two years", **members}
    return offers.OfferConcession(value=value, **told)


def conceded(
    scenario: TakesCommands,
    proposal: str,
    value: str,
    actor: str = "mia",
    role: str = "account_manager",
    **members: Any,
) -> None:
    """A concession offered."""
    scenario.do(give(value, **members), actor=actor, role=role, proposal=proposal)


def submitted(scenario: TakesCommands, proposal: str) -> None:
    """The live version with the client."""
    scenario.do(offers.SubmitProposal(), actor="mia", role="account_manager", proposal=proposal)


def accepted(scenario: TakesCommands, proposal: str, version: int = 1) -> None:
    """The live version taken by the client."""
    submitted(scenario, proposal)
    scenario.do(
        offers.AcceptProposal(version=version, by="Ada Lind"), actor="mia", role="account_manager", proposal=proposal
    )


def limits(scenario: TakesCommands, floor: str = "0.2", **amounts: str | None) -> None:
    """A policy of one's own, in force from the year's beginning."""
    told = tuple(ApprovalLimit(role=role, amount=amount) for role, amount in amounts.items())
    rules = ApprovalRules(limits=told, margin_floor=floor)
    policy = scenario.do(DraftPolicy(rules=rules), role="admin").id
    scenario.do(ActivatePolicy(number=1, start="2026-01-01"), role="admin", policy=policy)


def signed(scenario: TakesCommands, account_id: str, **members: Any) -> str:
    """A signed contract of 1000.00 a month over the year 2026."""
    line = Line(line="main", product="retainer", quantity="1", unit_price="1000.00", interval="month")
    told = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "signed_at": "2025-12-20", "lines": (line,)}
    return scenario.do(RecordContract(**{**told, **members}), account=account_id).id


def unsigned(scenario: TakesCommands, account_id: str, **members: Any) -> str:
    """The same as a draft."""
    line = Line(line="main", product="retainer", quantity="1", unit_price="1000.00", interval="month")
    told = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "lines": (line,)}
    return scenario.do(DraftContract(**{**told, **members}), account=account_id).id


def grown(
    scenario: TakesCommands, contract: str, price: str = "250.00", line: str = "more", at: str = "2026-02-01"
) -> str:
    """An amendment that adds a line. Gives: its event."""
    more = AddLine(op="add_line", line=line, product="social", unit_price=price, interval="month")
    return scenario.do(AmendContract(effective_at=at, changes=(more,)), contract=contract).events[0][0]


def seen(scenario: TakesCommands, account_id: str, **members: Any) -> str:
    """An opportunity."""
    told = {"title": "A second market", "kind": "upsell", "source": "review", **members}
    return scenario.do(chances.IdentifyOpportunity(**told), account=account_id).id


def estimate(value: str = "6000", probability: str = "0.4", **members: Any) -> chances.EstimateOpportunity:
    """What an opportunity may bring."""
    told = {"currency": "EUR", "close_by": "2026-06-30", **members}
    return chances.EstimateOpportunity(annual_value=value, probability=probability, **told)


def refusal(
    scenario: TakesCommands,
    command: Command,
    actor: str = "mia",
    role: str = "account_manager",
    kind: type[DomainError] = Refused,
    **targets: str,
) -> str:
    """The code with which a command is refused; nothing is stored."""
    before = len(scenario.topics())
    with pytest.raises(kind) as refused:
        scenario.do(command, actor=actor, role=role, **targets)
    assert len(scenario.topics()) == before
    return refused.value.code


def events(scenario: TakesCommands, stream: str) -> list[Any]:
    """What has happened to a thing."""
    return [event for event in scenario.events() if event.stream_id == stream]
