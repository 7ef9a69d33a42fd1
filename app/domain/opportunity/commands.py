"""What may be asked of an opportunity: its commands, which are the request bodies."""

from typing import Literal

from pydantic import Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Amount, Currency, Day, Decimal, Label, Name, Note, Ref, Share

Stage = Literal["identified", "qualified", "proposed", "negotiation"]
Source = Literal["review", "usage", "scope_change", "recommendation", "renewal", "request"]


class IdentifyOpportunity(Creation):
    """Writes down that a client could need more."""

    title: Name = Field(examples=["A second market"])
    kind: Literal["upsell", "cross_sell"]
    source: Source = Field(description="what it came from")
    product: Label | None = None
    interaction: Ref | None = Field(None, description="the contact in which it was seen, by id or ref:")
    scope_change: Ref | None = Field(None, description="the wish from which it came, by id or ref:")
    contract: Ref | None = Field(None, description="the contract that would grow, by id or ref:")
    renewal: Ref | None = Field(None, description="the renewal cycle in which it came up, by id or ref:")


class QualifyOpportunity(Command):
    """Says that it is real."""

    need: Note = Field(description="what the client needs it for")
    budget_known: bool | None = Field(None, strict=True)
    decider_known: bool | None = Field(None, strict=True)
    needed_by: Day | None = None


class EstimateOpportunity(Command):
    """Says what it may bring. A later estimate takes the place of an earlier one."""

    annual_value: Amount = Field(examples=["6000.00"])
    currency: Currency
    probability: Share = Field(description='from "0" to "1"', examples=["0.4"])
    close_by: Day


class AdvanceOpportunity(Command):
    """Puts it at a stage; one that is parked goes on."""

    stage: Stage


class ParkOpportunity(Command):
    """Lets it rest."""

    until: Day = Field(description="the first day on which it is looked at again")
    reason: Name


class WinOpportunity(Command):
    """Names the event of a contract by which it became business."""

    contract: Ref | None = Field(None, description="by id or ref:; default: the one that the opportunity named")
    event: Label = Field(description="the id of the event that signed, amended or renewed it")
    value: Decimal | None = Field(None, description="what it adds a year; refused unless the contract says the same")


class LoseOpportunity(Command):
    """Says that it will not be."""

    reason: Name = Field(description="a label or a sentence, kept open, for figures are counted by it")
    competitor: Name | None = None
