"""The commands of a suggestion; each is the body of its request."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.domain.kernel.command import Command
from app.domain.kernel.values import Instant, Label, Note, Ref
from app.domain.suggestion.events import RestsOn

EventId = Annotated[str, StringConstraints(pattern=r"^evt_[0-9a-hjkmnp-tv-z]{26}$")]


class SuggestedWrite(BaseModel):
    """A write as it would be sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: Literal["POST"] = "POST"
    path: Annotated[str, StringConstraints(min_length=4, max_length=1000, pattern=r"^/v1/[^?#\s]+$")] = Field(
        description="its path, with the ids in it", examples=["/v1/contracts/ref:northwind-2026/amendments"]
    )
    body: dict[str, Any] = Field(description="its body", examples=[{"tier": "silver"}])


class MakeSuggestion(Command):
    """Prepares a write for somebody else to decide about."""

    command: SuggestedWrite = Field(description="the write, as it would be sent")
    cites: tuple[EventId, ...] = Field((), max_length=50, description="the ids of events that speak for it")
    expires_at: Instant | None = Field(None, description="until when it may be approved; default: for 30 days")


class RecordSuggestion(Command):
    """The same with what it would do, and what that rests on."""

    account: Ref | None = None
    operation: Label
    path: str
    body: str
    preview: str
    rests_on: tuple[RestsOn, ...] = ()
    cites: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    expires_at: Instant


class ApproveSuggestion(BaseModel):
    """Does it, as one's own write."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    body: dict[str, Any] | None = Field(
        None, description="the body to write instead of the one that was suggested", examples=[None]
    )


class RejectSuggestion(Command):
    """Says that it shall not be done."""

    reason: Note = Field(description="why not; sealed like any free text")


class WithdrawSuggestion(Command):
    """Takes one's own suggestion back."""


class ExpireSuggestion(Command):
    """Notes that nobody decided about it in time."""
