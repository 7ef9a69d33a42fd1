"""The interaction: one contact with a client, logged once and for ever."""

from typing import Final

from app.domain.account.decisions import require_open
from app.domain.interaction.commands import LogInteraction, VoidInteraction
from app.domain.interaction.events import InteractionLogged, InteractionVoided, Participant
from app.domain.interaction.state import InteractionState
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Refused
from app.domain.kernel.rights import Authored
from app.domain.kernel.values import MICRO, micros

SKEW_SECONDS: Final = 300
"""How far a caller's clock may be ahead of ours."""


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


def void(state: InteractionState, command: VoidInteraction, context: Context) -> tuple[Decided, ...]:
    """The entry marked as wrong, from when it was true: it never took place. Raises: Refused when it was before."""
    if state.voided:
        raise Refused("interaction_voided", "the entry was voided already")
    at = state.logged_at if command.effective_at is None else context.effective_at
    return (Decided(InteractionVoided(), effective_at=at),)


def logged(state: InteractionState, _command: VoidInteraction) -> Authored | None:
    """Who logged the entry that is voided."""
    return state.logged
