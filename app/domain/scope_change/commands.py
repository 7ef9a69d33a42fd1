"""The commands of a scope change; each is the body of its request."""

from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from app.domain.contract.commands import Changes
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.denomination import with_currency
from app.domain.kernel.values import Amount, Currency, Day, Decimal, Label, Moment, Money, Name, Note, Ref

Team = Literal["creative", "pm", "ux", "content", "engineering", "finance", "legal"]
Kind = Literal["accept", "accept_with_change", "decline_with_alternative", "decline", "absorb"]


class RaiseScopeChange(Creation):
    """Records what the client asks for beyond what was agreed."""

    title: Name = Field(examples=["A last-minute feature for the campaign"])
    request: Note = Field(description="the client's words")
    needed_by: Day | None = None
    contract: Ref | None = Field(None, description="the contract that it would change, by id or ref:")
    interaction: Ref | None = Field(None, description="the contact in which the client asked, by id or ref:")


class RequestConsult(Command):
    """Asks a team of the agency what the change would mean for it."""

    team: Team
    question: Note | None = None
    due: Day | None = None
    mandatory: bool = Field(True, strict=True, description="no acceptance goes out before its answer or a waiver")


class ConsultAnswer(Command):
    """What a team answers."""

    feasible: bool = Field(strict=True)
    effort_hours: Amount | None = None
    earliest: Day | None = Field(None, description="the first day on which it can be done")
    capacity_note: Note | None = None
    risk: Note | None = None


class AnswerConsult(ConsultAnswer):
    """Answers for a team that was asked."""

    team: Team


class ConsultWaiver(Command):
    """Why a team's answer is not waited for."""

    reason: Name = Field(description="not sealed, because a rule depends on it")


class WaiveConsult(ConsultWaiver):
    """Waives the answer of a team that was asked."""

    team: Team


class AssessImpact(Command):
    """Records what the change takes. After a later assessment, approval and response are needed again."""

    effort_hours: Amount
    currency: Currency | None = Field(None, description="of cost and price; default: theirs, or the account's")
    cost: Money | None = None
    price: Money | None = None
    timeline_shift_days: int = Field(0, ge=-3650, le=3650, strict=True, description="later than planned")
    margin_effect: Decimal | None = None
    risk: Note | None = None
    scope_delta: tuple[Name, ...] = Field((), max_length=50, description="what is added or taken out, in short")

    @model_validator(mode="before")
    @classmethod
    def _in_its_currency(cls, body: Any) -> Any:
        return with_currency(body)


class ApproveScopeChange(Command):
    """Approves an assessed impact inside the agency."""

    rule: Label = Field("over_threshold", description="the rule that gives the right")


class Option(BaseModel):
    """A way to respond to the request."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    option: Label
    description: Note | None = None
    price: Money | None = None
    shift_days: int | None = Field(None, ge=-3650, le=3650, strict=True)


class RespondToClient(Command):
    """Answers the client."""

    kind: Kind
    options: tuple[Option, ...] = Field((), max_length=20)
    alternative: Note | None = None
    no_alternative_reason: Name | None = None
    message: Note | None = None
    interaction: Ref | None = Field(None, description="the contact in which the client was answered, by id or ref:")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [option.option for option in self.options]
        if len(set(names)) != len(names):
            raise ValueError("two options have the same name")
        return self


class RecordClientDecision(Command):
    """Records what the client chose."""

    accepted: bool | None = Field(None, strict=True, description="default: true when an option is named")
    option: Label | None = None
    by: Name | None = Field(None, description="who decided at the client")
    stakeholder: Label | None = Field(None, description="the person's id, when it is known")
    decided_at: Moment | None = Field(
        None, validation_alias=AliasChoices("decided_at", "at"), description="default: effective_at"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.accepted is None and self.option is None:
            raise ValueError("name accepted, option or both")
        return self


class AbsorbWork(Command):
    """Does the work unpaid."""

    hours: Amount
    cost: Money | None = None
    currency: Currency | None = Field(None, description="of the cost; default: its own, or the account's")
    cause: Name
    approved_by: Label = Field(description="who allowed it: another person")

    @model_validator(mode="before")
    @classmethod
    def _in_its_currency(cls, body: Any) -> Any:
        return with_currency(body)


class AmendScopeChange(Command):
    """Makes the accepted change part of a contract; the contract is amended together with it."""

    effective_at: Moment = Field(description="from when the contract changes")
    contract: Ref | None = Field(None, description="by id or ref:; default: the one that the scope change named")
    changes: Changes


class WithdrawScopeChange(Command):
    """Withdraws the request."""


class DeliverScopeChange(Command):
    """Records that the work is done."""

    hours: Amount | None = Field(None, description="what it really took")
