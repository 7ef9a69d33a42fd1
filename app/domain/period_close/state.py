"""What decisions need to know of a period close, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.period_close.events import PeriodCloseClosed, PeriodCloseRestated
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class PeriodCloseState:
    """What decisions need of a closed period. certificates: those that are valid now."""

    start: str = ""
    end: str = ""
    certificates: tuple[str, ...] = ()
    account: str | None = None


def evolve(state: PeriodCloseState, recorded: Recorded) -> PeriodCloseState:
    """The state after one more event."""
    match recorded.event:
        case PeriodCloseClosed() as closed:
            return PeriodCloseState(start=closed.start, end=closed.end, certificates=closed.certificates)
        case PeriodCloseRestated(from_cert=old, to_cert=new):
            certificates = tuple(new if each == old else each for each in state.certificates)
            return replace(state, certificates=certificates)
        case _:
            return state
