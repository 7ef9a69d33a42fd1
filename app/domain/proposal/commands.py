"""The commands of a proposal; each is the body of its request."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.contract import schedule as schedules
from app.domain.contract.commands import BillingInterval, IntervalCount
from app.domain.contract.schedule import LARGEST_ANNUAL
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Currency, Day, Label, Money, Name, Note, Price, Quantity, Ref


class Item(BaseModel):
    """A thing that is offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    item: Label = Field(description="its name within the version", examples=["main"])
    product: Label = Field(examples=["retainer"])
    kind: Literal["recurring", "one_off", "usage_commit"] = "recurring"
    quantity: Quantity = "1"
    unit_price: Price = Field(
        description="for one unit and so many intervals; below 0 for a credit", examples=["1000.00"]
    )
    interval: BillingInterval | None = Field(None, description="how often it is paid; not for one_off")
    interval_count: IntervalCount | None = Field(None, description="how many intervals the price is for; default 1")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.kind == "one_off") is not (self.interval is None):
            raise ValueError("a recurring item needs an interval, and a one-off has none")
        if self.interval_count and self.interval is None:
            raise ValueError("interval_count needs an interval")
        if self.kind == "usage_commit" and self.unit_price.startswith("-"):
            raise ValueError("a commitment is no credit")
        if abs(self.annual) > LARGEST_ANNUAL:
            raise ValueError("the annual amount is larger than 10^12")
        return self

    @property
    def annual(self) -> int:
        """What it lists a year, or once; in 10^-6."""
        return schedules.annual(
            self.quantity, self.unit_price, schedules.billed(self.interval or "year", self.interval_count)
        )


class Version(BaseModel):
    """The members of every version."""

    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=100)]
    cost: Money | None = Field(None, description="what delivering it costs a year")
    terms: Note | None = None
    value_evidence: Annotated[
        tuple[Name, ...],
        Field(max_length=50, description="what shows its value, in short", examples=[["leads up by a third"]]),
    ] = ()
    valid_until: Day = Field(description="the last day on which the client can accept it")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({item.item for item in self.items}) != len(self.items):
            raise ValueError("two items have the same name")
        return self


class DraftProposal(Version, Creation):
    """Puts an offer on paper, as version 1."""

    title: Name | None = None
    contract: Ref | None = Field(None, description="the contract that it would change or renew, by id or ref:")
    renewal: Ref | None = Field(None, description="the renewal cycle that it is for, by id or ref:")
    opportunity: Ref | None = Field(None, description="the opportunity that it is for, by id or ref:")
    currency: Currency


class ReviseProposal(Version, Command):
    """Puts another version in the place of the live one."""


class SubmitProposal(Command):
    """Sends the live version to the client."""


class RecordClientPosition(Command):
    """Records the client's position."""

    position: Note = Field(description="the client's words")
    wants: tuple[Name, ...] = Field((), max_length=50, description="what it asks for, in short")
    stakeholder: Label | None = Field(None, description="the id of the person who said it, when it is known")


class OfferConcession(Command):
    """Offers a concession. Above the limit of the key's role, or below the margin floor, it waits for approval."""

    concession: Label | None = Field(None, description="its name within the proposal; default c1, c2 and so on")
    kind: Literal["price", "term", "scope", "service"]
    value: Money = Field(description="its value a year", examples=["600.00"])
    given: Name = Field(description="what we give")
    in_exchange_for: Name | None = Field(None, description="what we get in exchange")
    no_exchange_reason: Name | None = Field(
        None, description="why we get nothing; not sealed, because a rule depends on it"
    )


class ApproveConcession(Command):
    """Approves what waits for it."""

    concession: Label | None = Field(None, description="which one; none for the version's own margin")


class RejectConcession(Command):
    """Rejects a concession that waits for approval."""

    concession: Label
    reason: Note


class AcceptProposal(Command):
    """Records that the client accepted it."""

    version: int = Field(ge=1, le=10_000, strict=True, description="the one that the client accepted")
    by: Name | None = Field(None, description="who decided at the client")
    stakeholder: Label | None = Field(None, description="the person's id, when it is known")


class DeclineProposal(Command):
    """Records that the client declined it."""

    reason: Name = Field(description="a label or a sentence, not sealed, because KPIs count by it")


class ExpireProposal(Command):
    """Records that nobody accepted it while it was valid."""


class ContractProposal(Command):
    """Names the event by which the accepted version became a contract."""

    contract: Ref | None = Field(None, description="by id or ref:; default: the one that the proposal named")
    event: Label = Field(description="the id of the event that drafted, amended or renewed it")
