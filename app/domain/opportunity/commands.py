"""The commands of an opportunity; each is the body of its request."""

from typing import Literal

from pydantic import Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Currency, Day, Label, Money, Name, Note, Ref, Share, SignedMoney

Stage = Literal["identified", "qualified", "proposed", "negotiation"]
Kind = Literal["upsell", "cross_sell"]
Source = Literal["review", "usage", "scope_change", "recommendation", "renewal", "request"]


class IdentifyOpportunity(Creation):
    """Records that a client could need more."""

    title: Name = Field(examples=["A second market"])
    kind: Kind
    source: Source = Field(description="what it came from")
    product: Label | None = None
    interaction: Ref | None = Field(None, description="the contact in which it was seen, by id or ref:")
    scope_change: Ref | None = Field(None, description="the scope change from which it came, by id or ref:")
    contract: Ref | None = Field(None, description="the contract that would grow, by id or ref:")
    renewal: Ref | None = Field(None, description="the renewal cycle in which it came up, by id or ref:")


class QualifyOpportunity(Command):
    """Records that the need is real."""

    need: Note = Field(description="what the client needs it for")
    budget_known: bool | None = Field(None, strict=True)
    decider_known: bool | None = Field(None, strict=True)
    needed_by: Day | None = None


class EstimateOpportunity(Command):
    """Estimates what it may bring. A later estimate takes the place of an earlier one."""

    annual_value: Money = Field(examples=["6000.00"])
    currency: Currency
    probability: Share = Field(description='from "0" to "1"', examples=["0.4"])
    close_by: Day


class AdvanceOpportunity(Command):
    """Moves it to a stage; a parked one is active again."""

    stage: Stage


class ParkOpportunity(Command):
    """Parks it until a day."""

    until: Day = Field(description="the first day on which it is considered again")
    reason: Name


class WinOpportunity(Command):
    """Names the event of a contract by which it became business."""

    contract: Ref | None = Field(None, description="by id or ref:; default: the one that the opportunity named")
    event: Label = Field(description="the id of the event that signed, amended or renewed it")
    value: SignedMoney | None = Field(None, description="what it adds a year; refused unless the contract has the same")


class LoseOpportunity(Command):
    """Records that it is lost."""

    reason: Name = Field(description="a label or a sentence, not sealed, because KPIs count by it")
    competitor: Name | None = None
