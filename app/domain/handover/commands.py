"""The commands of a handover; each is the body of its request."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.handover.events import Section
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Day, Group, Note, Ref

Kind = Literal["sales", "account_manager"]


class PromiseMade(BaseModel):
    """What the client was promised."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    what: Note = Field(description="what was promised; sealed like any free text", examples=["A first draft"])
    to: Note | None = Field(None, description="to whom; sealed, too", examples=["Ada Lind"])
    due: Day | None = Field(None, description="the day by which", examples=["2026-03-01"])


class StartHandover(Creation):
    """Begins to hand an account over; its owner stays accountable until the receiver accepts."""

    kind: Kind = Field("account_manager", description="from whom: from sales, or from another account manager")
    receiver: Group = Field(description="who is to own it: a user's id or reference", examples=["usr_jonas"])


class SectionText(Command):
    """What the next owner must know about one thing."""

    text: Note = Field(
        description="what there is to know; sealed like any free text",
        examples=["They bought because we know their season."],
    )
    promises: tuple[PromiseMade, ...] = Field(
        (), max_length=100, description="open promises, in the section about them"
    )


class FillSection(SectionText):
    """Says what the next owner must know about one thing; another text takes the place of the one before."""

    section: Section

    @model_validator(mode="after")
    def _promises_in_their_section(self) -> Self:
        if self.promises and self.section != "promises_made":
            raise PydanticCustomError("promises_elsewhere", "promises stand in the section promises_made")
        return self


class SubmitHandover(Command):
    """Asks the receiver to take the account over."""


class AcceptHandover(Command):
    """Takes the account over: from now on the receiver owns it."""


class RejectHandover(Command):
    """Does not take the account over, for a reason."""

    reason: Note = Field(examples=["Nobody told me what was promised for spring"])


class IntroduceToClient(Command):
    """Says that the client met the new owner."""

    day: Day | None = Field(None, description="when; default: today, in the tenant's zone")
    interaction: Ref | None = Field(None, description="in which contact: its id, or `ref:` and your own reference")
