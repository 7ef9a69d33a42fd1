"""The commands of an incentive statement; each is the body of its request."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.incentive_statement import events
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.period import OVER_PERIOD, Period, with_days
from app.domain.kernel.values import Amount, Currency, Day, Instant, Label, Money, Note, Ref

Rule = Literal["renewal", "expansion", "new_business"]
Key = tuple[str, str]
"""A line by its rule and event."""


class IssueStatement(Creation):
    """Pays an account manager for what happened on their accounts."""

    model_config = OVER_PERIOD
    plan: Ref = Field(
        description="the incentive policy, by id or ref:incentive@<name>", examples=["ref:incentive@default"]
    )
    payee: Label = Field(description="the owner, as accounts name them", examples=["usr_maria"])
    period: Period | None = Field(None, description="the days that it covers; or say from and to")
    from_: Day = Field(alias="from", description="first day")
    to: Day = Field(description="first day after")
    currency: Currency

    @model_validator(mode="before")
    @classmethod
    def _over_its_days(cls, body: Any) -> Any:
        return with_days(body)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("from must be before to")
        return self


class StatementLine(BaseModel):
    """A line as it was computed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    event: str
    rule: Rule
    account: str
    contract: str
    at: Instant
    value: Amount
    percent: Amount
    factor: Amount
    amount: Amount

    @property
    def key(self) -> Key:
        """Its rule and event, which no other line has."""
        return self.rule, self.event


class RecordStatement(Creation):
    """A statement as it was computed. number: the plan's version; position: up to where the ledger was read."""

    payee: Label
    start: Day
    end: Day
    currency: Currency
    number: int
    position: int
    lines: tuple[StatementLine, ...]
    retention: events.Retention | None = None


class ClawBack(Command):
    """Takes back what was paid for what is lost."""

    event: Ref = Field(description="the loss: a contract's termination or expiry, a lost renewal, an account's closure")


class RecordClawback(Command):
    """A loss as the ledger holds it. contract: which one was lost; none for all of an account."""

    loss: str
    account: str
    contract: str | None
    lost_on: Day


class DisputeLine(Command):
    """Disputes a line."""

    event: Ref = Field(description="the line's event")
    rule: Rule | None = Field(None, description="the line's rule, where an event is paid under several")
    reason: Note = Field(description="why; sealed like any free text")


class ResolveDispute(Command):
    """Resolves a dispute."""

    event: Ref = Field(description="the line's event")
    rule: Rule | None = Field(None, description="the line's rule, where an event is paid under several")
    outcome: Literal["kept", "changed"]
    amount: Money | None = Field(None, description="of the line from now on, where it is changed")
    reason: Note = Field(description="why; sealed like any free text")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.amount is None) == (self.outcome == "changed"):
            raise ValueError("name an amount where it is changed, and only there")
        return self
