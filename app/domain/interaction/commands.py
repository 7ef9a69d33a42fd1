"""The commands of an interaction; each is the body of its request."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Instant, Label, Name, Note, Share

Channel = Literal["call", "mail", "meeting", "chat", "visit", "portal"]
Direction = Literal["inbound", "outbound", "internal"]


class Attendee(BaseModel):
    """Somebody who took part; a plain string is a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name | None = None
    email: Name | None = None
    stakeholder: Label | None = Field(None, description="the person's id, when it is known")
    role: Label | None = None


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class LogInteraction(Creation):
    """Logs a contact with a client."""

    channel: Channel
    direction: Direction
    occurred_at: Instant
    subject: Name | None = None
    summary: Note | None = None
    participants: tuple[Annotated[Attendee, BeforeValidator(_named)], ...] = Field((), max_length=200)
    sentiment: Share | None = Field(None, description='from "-1" to "1"')
    topics: tuple[Label, ...] = Field((), max_length=50)
    duration_seconds: int | None = Field(None, ge=0, le=10**6, strict=True)


class VoidInteraction(Command):
    """Marks an entry as wrong; it stays in the log."""
