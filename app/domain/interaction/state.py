"""What decisions need to know of an interaction, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.interaction.events import InteractionLogged, InteractionVoided
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class InteractionState:
    """What decisions need of an interaction."""

    account: str | None = None
    voided: bool = False


def evolve(state: InteractionState, recorded: Recorded) -> InteractionState:
    """The state after one more event."""
    match recorded.event:
        case InteractionLogged(account=account):
            return InteractionState(account=account)
        case InteractionVoided():
            return replace(state, voided=True)
        case _:
            return state
