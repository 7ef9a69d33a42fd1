"""The shape of a command: frozen, closed, and the request body itself."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.kernel.values import ExternalRef, Moment, Note

Visibility = Literal["internal", "client", "restricted"]


class Command(BaseModel):
    """The members that every command has besides its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effective_at: Moment | None = Field(None, description="from when it is true in business; default: now")
    reason: Note | None = Field(None, description="why it was done; sealed like any free text")
    visibility: Visibility = Field("internal", description="who may be shown the event")


class Creation(Command):
    """A command that begins something which the caller may know by a reference of its own."""

    external_ref: ExternalRef | None = Field(
        None, description="the caller's own id, unique per tenant and aggregate type"
    )
