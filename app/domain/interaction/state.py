"""What decisions need to know of an interaction, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.interaction.events import InteractionLogged, InteractionVoided
from app.domain.kernel.rights import Authored
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class InteractionState:
    """What decisions need of an interaction. logged_at: when it is true, in microseconds; logged: who did."""

    account: str | None = None
    logged_at: int = 0
    logged: Authored | None = None
    voided: bool = False


def evolve(state: InteractionState, recorded: Recorded) -> InteractionState:
    """The state after one more event."""
    match recorded.event:
        case InteractionLogged(account=account):
            return InteractionState(account=account, logged_at=recorded.effective_at, logged=recorded.authored)
        case InteractionVoided():
            return replace(state, voided=True)
        case _:
            return state
