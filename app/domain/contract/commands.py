"""The commands of a contract; each is the body of its request."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, model_validator

from app.domain.contract import schedule as schedules
from app.domain.contract.events import Cause
from app.domain.contract.schedule import LARGEST_ANNUAL
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Currency, Day, Digest, Label, Moment, Name, Percent, Price, Quantity, Ref, scaled

IntervalCount = Annotated[int, Field(ge=1, le=365, strict=True)]
"""How many intervals a price is for: 2 with `week` for every other week, 3 with `year` for three years."""
BillingInterval = Literal["day", "week", "month", "quarter", "half_year", "year", "two_years"]


class RampStep(BaseModel):
    """What a line's quantity or price becomes on a day, as agreed from the beginning."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: Day
    quantity: Quantity | None = None
    unit_price: Price | None = None
    cause: Cause = "escalator"

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.quantity is None and self.unit_price is None:
            raise ValueError("a step of a ramp needs a quantity or a unit_price")
        return self


class Line(BaseModel):
    """A thing that is sold under a contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    line: Label = Field(description="its name within the contract", examples=["main"])
    product: Label = Field(examples=["retainer"])
    kind: Literal["recurring", "one_off", "usage_commit"] = "recurring"
    quantity: Quantity = "1"
    unit_price: Price = Field(
        description="for one unit and so many intervals; below 0 for a credit", examples=["1000.00"]
    )
    interval: BillingInterval | None = Field(None, description="how often it is paid; not for one_off")
    interval_count: IntervalCount | None = Field(None, description="how many intervals the price is for; default 1")
    start: Day | None = None
    end: Day | None = Field(None, description="the first day after")
    discount_percent: Percent | None = Field(None, description="lasting, unless it ends")
    discount_end: Day | None = Field(None, description="the first day without the discount")
    ramp: Annotated[tuple[RampStep, ...], Field(min_length=1, max_length=100)] | None = Field(
        None, description="dated steps of quantity or price, rising by day, within the line's term"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.kind != "one_off" and self.interval is None:
            raise ValueError("a recurring line needs an interval")
        if self.interval_count and self.interval is None:
            raise ValueError("interval_count needs an interval")
        if self.kind == "usage_commit" and self.unit_price.startswith("-"):
            raise ValueError("a commitment is no credit")
        if self.start and self.end and self.start >= self.end:
            raise ValueError("end must be after start")
        if self.discount_end and scaled(self.discount_percent or "0") == 0:
            raise ValueError("discount_end needs a discount_percent")
        if self.ramp and self.kind == "one_off":
            raise ValueError("a one_off line has no ramp")
        if abs(schedules.annual(self.quantity, self.unit_price, self.billed)) > LARGEST_ANNUAL:
            raise ValueError("the annual amount is larger than 10^12")
        return self

    @property
    def billed(self) -> str:
        """How often it is paid; what is paid once counts as by the year."""
        return schedules.billed(self.interval or "year", self.interval_count)


class SetLine(BaseModel):
    """Changes a line's quantity, price or discount."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    op: Literal["set_line"]
    line: Label
    quantity: Quantity | None = None
    unit_price: Price | None = None
    discount_percent: Percent | None = Field(None, description='lasting, unless it ends; "0" takes it away')
    discount_end: Day | None = Field(None, description="alone: when the discount in force ends")
    cause: Cause | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        members = (self.quantity, self.unit_price, self.discount_percent, self.discount_end)
        if all(member is None for member in members):
            raise ValueError("set_line needs a quantity, a unit_price, a discount_percent or a discount_end")
        if self.discount_end and self.discount_percent and scaled(self.discount_percent) == 0:
            raise ValueError("a discount of 0 has no end")
        return self


class AddLine(Line):
    """Adds a line."""

    op: Literal["add_line"]


class RemoveLine(BaseModel):
    """Takes a line off the contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    op: Literal["remove_line"]
    line: Label


Change = Annotated[SetLine | AddLine | RemoveLine, Discriminator("op")]
Changes = Annotated[tuple[Change, ...], Field(min_length=1, max_length=200)]
Lines = Annotated[tuple[Line, ...], Field(min_length=1, max_length=200)]


class DraftContract(Creation):
    """Puts terms on paper."""

    currency: Currency
    start: Day
    end: Day | None = Field(None, description="the first day after; none is open-ended")
    auto_renew: bool = Field(False, strict=True)
    notice_days: int = Field(0, ge=0, le=3650, strict=True)
    renewal_term_months: int | None = Field(None, ge=1, le=600, strict=True)
    lines: Lines
    replaces: Ref | None = Field(
        None, description="the contract of the account that this one follows: after a termination, in another currency"
    )


class SignContract(Command):
    """Makes the terms bind, from the contract's start."""

    signed_at: Moment
    document_sha256: Digest | None = None


class RecordContract(DraftContract):
    """A draft and its signature at once, as ledgers are imported."""

    signed_at: Moment
    document_sha256: Digest | None = None


class AmendContract(Command):
    """Changes lines from an instant on."""

    effective_at: Moment
    changes: Changes
    scope_change: Ref | None = None


class Terms(BaseModel):
    """The members that an earlier event should have had: start and end of a draft or a renewal, auto_renew and notice_days of a draft,
    effective_end of a notice or a termination.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: Day | None = None
    end: Day | None = None
    auto_renew: bool | None = Field(None, strict=True)
    notice_days: int | None = Field(None, ge=0, le=3650, strict=True)
    effective_end: Day | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("terms need a member")
        return self


class CorrectContract(Command):
    """Corrects an earlier event; figures that were known before stay as they were known."""

    corrects: str = Field(description="the id of the wrong event", examples=["evt_01jd0000000000000000000000"])
    changes: Changes | None = Field(None, description="lines, as they should have been changed")
    terms: Terms | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.changes is None and self.terms is None:
            raise ValueError("a correction needs changes or terms")
        return self


class GiveNotice(Command):
    """Records that the contract will end."""

    effective_at: Moment
    effective_end: Day | None = Field(None, description="the first day after; default: by the contract's terms")
    by: Literal["client", "us"] = "client"


class WithdrawNotice(Command):
    """Withdraws a notice."""


class SuspendContract(Command):
    """Suspends service and billing."""

    effective_at: Moment
    effective_end: Day | None = Field(None, description="the first day of work again, when agreed")
    by: Literal["client", "us"] | None = None


class ResumeContract(Command):
    """Resumes service and billing."""

    effective_at: Moment
    effective_end: Day | None = None
    by: Literal["client", "us"] | None = None


class RenewContract(Command):
    """Agrees on a further term."""

    start: Day | None = Field(None, description="default: where the last term ends")
    end: Day | None = None
    lines: Lines | None = Field(None, description="default: the lines go on as they are")
    retroactive: bool = Field(False, strict=True, description="a late renewal that closes the gap")


class RenewAutomatically(Command):
    """Records that a contract went on by its own terms, for renewal_term_months or a year."""


class ExpireContract(Command):
    """Records that a contract ended because nobody renewed it."""


class TerminateContract(Command):
    """Ends the contract for good."""

    effective_end: Day = Field(description="the first day without it")
    reason: Name = Field(description="a short label; it is not sealed, because churn is counted by it")
    voluntary: bool = Field(strict=True, description="whether the client decided it")
    competitor: Label | None = None
