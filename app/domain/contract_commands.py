"""What may be asked of a contract: the bodies of its calls."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, model_validator

from app.domain import schedule as schedules
from app.domain.command import Command, Creation
from app.domain.events.contract import Cause
from app.domain.schedule import LARGEST_ANNUAL
from app.domain.values import Amount, Currency, Day, Digest, Label, Moment, Name, Percent, Ref


class Line(BaseModel):
    """A thing that is sold under a contract."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    line: Label = Field(description="its name within the contract", examples=["main"])
    product: Label = Field(examples=["retainer"])
    kind: Literal["recurring", "one_off", "usage_commit"] = "recurring"
    quantity: Amount = "1"
    unit_price: Amount = Field(description="for one unit and one interval", examples=["1000.00"])
    interval: Literal["day", "week", "month", "quarter", "half_year", "year", "two_years"] | None = Field(
        None, description="how often it is paid; not for one_off"
    )
    start: Day | None = None
    end: Day | None = Field(None, description="the first day after")
    discount_percent: Percent | None = Field(None, description="a lasting discount")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.kind != "one_off" and self.interval is None:
            raise ValueError("a recurring line needs an interval")
        if self.start and self.end and self.start >= self.end:
            raise ValueError("end must be after start")
        paid = schedules.annual(self.quantity, self.unit_price, self.interval or "year", self.discount_percent or "0")
        if paid > LARGEST_ANNUAL:
            raise ValueError("the annual amount is larger than 10^12")
        return self


class SetLine(BaseModel):
    """Changes a line's quantity or price."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    op: Literal["set_line"]
    line: Label
    quantity: Amount | None = None
    unit_price: Amount | None = None
    cause: Cause | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.quantity is None and self.unit_price is None:
            raise ValueError("set_line needs a quantity or a unit_price")
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


class CorrectContract(Command):
    """Says what an earlier event should have said; figures known before stay as they were known."""

    corrects: str = Field(description="the id of the event that was wrong", examples=["evt_01jd0000000000000000000000"])
    changes: Changes


class GiveNotice(Command):
    """Says that the contract will end."""

    effective_at: Moment
    effective_end: Day | None = Field(None, description="the first day after; default: by the contract's terms")
    by: Literal["client", "us"] = "client"


class WithdrawNotice(Command):
    """Takes a notice back."""


class SuspendContract(Command):
    """Lets service and billing rest."""

    effective_at: Moment
    effective_end: Day | None = Field(None, description="the first day of work again, when agreed")
    by: Literal["client", "us"] | None = None


class ResumeContract(Command):
    """Takes service and billing up again."""

    effective_at: Moment
    effective_end: Day | None = None
    by: Literal["client", "us"] | None = None


class RenewContract(Command):
    """Agrees on a further term."""

    start: Day | None = Field(None, description="default: where the last term ends")
    end: Day | None = None
    lines: Lines | None = Field(None, description="default: the lines go on as they are")
    retroactive: bool = Field(False, strict=True, description="a late renewal that closes the gap")


class TerminateContract(Command):
    """Ends the contract for good."""

    effective_end: Day = Field(description="the first day without it")
    reason: Name = Field(description="a short label; it is kept open, for churn is counted by it")
    voluntary: bool = Field(strict=True, description="whether the client wished it")
    competitor: Label | None = None
