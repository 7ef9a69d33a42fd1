"""The interaction: one contact with a client, logged once and for ever."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.domain.account.decisions import require_open
from app.domain.interaction.events import InteractionLogged, InteractionVoided, Participant
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import MICRO, Instant, Label, Name, Note, Share, micros
from app.domain.recorded import Recorded

SKEW_SECONDS: Final = 300
"""How far a caller's clock may be ahead of ours."""


class Attendee(BaseModel):
    """Somebody who took part; a plain string is a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name | None = None
    email: Name | None = None
    stakeholder: Label | None = Field(None, description="the person's id, when the house knows it")
    role: Label | None = None


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class LogInteraction(Creation):
    """Logs a contact with a client."""

    channel: Literal["call", "mail", "meeting", "chat", "visit", "portal"]
    direction: Literal["inbound", "outbound", "internal"]
    occurred_at: Instant
    subject: Name | None = None
    summary: Note | None = None
    participants: tuple[Annotated[Attendee, BeforeValidator(_named)], ...] = Field((), max_length=200)
    sentiment: Share | None = Field(None, description='from "-1" to "1"')
    topics: tuple[Label, ...] = Field((), max_length=50)
    duration_seconds: int | None = Field(None, ge=0, le=10**6, strict=True)


class VoidInteraction(Command):
    """Marks an entry as wrong; it stays in the log."""


@dataclass(frozen=True)
class InteractionState:
    """What decisions need of an interaction."""

    account: str | None = None
    voided: bool = False


def evolve(state: InteractionState, recorded: Recorded) -> InteractionState:
    """The state after one more event."""
    match recorded.event:
        case InteractionLogged(account=account):
            return InteractionState(account)
        case InteractionVoided():
            return replace(state, voided=True)
        case _:
            return state


def log(_state: InteractionState, command: LogInteraction, context: Context) -> tuple[Decided, ...]:
    """A new entry, true at the moment of the contact. Raises: Refused for one that lies ahead."""
    require_open(context.states["account"])
    occurred = micros(command.occurred_at)
    if occurred > context.now + SKEW_SECONDS * MICRO:
        raise Refused("occurred_in_future", "an interaction is logged once it has happened")
    event = InteractionLogged(
        account=context.ids["account"],
        channel=command.channel,
        direction=command.direction,
        occurred_at=command.occurred_at,
        subject=command.subject,
        summary=command.summary,
        participants=tuple(Participant(**attendee.model_dump()) for attendee in command.participants),
        sentiment=command.sentiment,
        topics=command.topics,
        duration_seconds=command.duration_seconds,
        external_ref=command.external_ref,
    )
    return (Decided(event, effective_at=occurred if command.effective_at is None else context.effective_at),)


def void(state: InteractionState, _command: VoidInteraction, _context: Context) -> tuple[InteractionVoided, ...]:
    """The entry marked as wrong. Raises: Refused when it was before."""
    if state.voided:
        raise Refused("interaction_voided", "the entry was voided already")
    return (InteractionVoided(),)
