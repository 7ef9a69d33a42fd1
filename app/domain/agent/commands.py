"""The commands of an agent; each is the body of its request."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.domain.kernel.command import Command
from app.domain.kernel.values import Amount, Currency, ExternalRef, Instant, Name, Note, Ref

OperationName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=100)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Weekday = Annotated[int, Field(ge=1, le=7)]


class MoneyPerCommand(BaseModel):
    """The most that one command may be about."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: Amount = Field(examples=["500.00"])
    currency: Currency = Field(examples=["EUR"])


class WorkingHours(BaseModel):
    """When it may write, in the tenant's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    from_: TimeOfDay = Field(alias="from", description="the first minute", examples=["08:00"])
    to: TimeOfDay = Field(description="the first minute after, at most 24:00", examples=["18:00"])
    days: tuple[Weekday, ...] = Field(
        (1, 2, 3, 4, 5, 6, 7),
        min_length=1,
        max_length=7,
        description="of the week, 1 is Monday",
        examples=[[1, 2, 3, 4, 5]],
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ >= self.to:
            raise PydanticCustomError("hours_reversed", "the hours end after they begin, on the same day")
        return self


class Ceilings(BaseModel):
    """What bounds an agent besides the rights of its person; what is left out does not bound it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    commands_per_day: int | None = Field(None, ge=0, le=100_000, description="writes a day, suggestions included")
    money_per_command: MoneyPerCommand | None = Field(None, description="the most that one write may be about")
    hours: WorkingHours | None = None


class BoundAgent(Command):
    """Says what the agent may do from now on, instead of what was said before."""

    may_execute: tuple[OperationName, ...] = Field(
        (),
        max_length=100,
        description="operations of the contract that it does itself",
        examples=[["interactions.log"]],
    )
    may_suggest: tuple[OperationName, ...] | None = Field(
        None,
        max_length=200,
        description="operations that it may suggest; default: whatever its person may do",
        examples=[None],
    )
    ceilings: Ceilings = Field(Ceilings(), description="what bounds it besides")
    ends_at: Instant | None = Field(None, description="from when on it may do nothing any more")


class RegisterAgent(BoundAgent):
    """Makes an agent of a person. It may do what both may: the agent by this, and the person by their rights of the day."""

    name: Name = Field(examples=["Renewal assistant"])
    user: Ref = Field(
        description="for whom it acts: their id, or `ref:` and your own reference", examples=["ref:maria"]
    )
    purpose: Note = Field(description="what it is for", examples=["Drafts amendments where clients asked for them"])
    external_ref: ExternalRef | None = Field(
        None, description="the caller's own id, unique per tenant and aggregate type"
    )


class SuspendAgent(Command):
    """Lets the agent do nothing for a while."""


class ResumeAgent(Command):
    """Lets the agent go on."""


class EndAgent(Command):
    """Ends the agent for good."""
