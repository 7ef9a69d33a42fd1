"""What decisions need to know of a renewal cycle, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.kernel.values import scaled
from app.domain.recorded import Recorded
from app.domain.renewal.events import (
    RenewalDeferred,
    RenewalLost,
    RenewalMilestoneReached,
    RenewalOpened,
    RenewalWon,
)


@dataclass(frozen=True)
class RenewalState:
    """What decisions need of a renewal cycle. due: as it was opened, for that names it; deferred_to: where it was put off to.

    milestones: the days before the due day that were noted. decided_by: the contract's event that led to the outcome; decision: the
    outcome's own.
    """

    account: str | None = None
    contract: str = ""
    due: str = ""
    deferred_to: str | None = None
    atr: int = 0
    currency: str = ""
    outcome: str | None = None
    milestones: tuple[int, ...] = ()
    decided_by: str = ""
    decision: str = ""

    def settled(self, outcome: str, gives_way: frozenset[str]) -> bool:
        """Whether an outcome stays as it is. Takes: another one, and the events of the contract whose outcomes give way."""
        return self.outcome == outcome or (self.outcome is not None and self.decided_by not in gives_way)


def evolve(state: RenewalState, recorded: Recorded) -> RenewalState:
    """The state after one more event."""
    match recorded.event:
        case RenewalOpened() as opened:
            return RenewalState(
                account=opened.account,
                contract=opened.contract,
                due=opened.due,
                atr=scaled(opened.atr),
                currency=opened.currency,
            )
        case RenewalDeferred(new_due=due):
            return replace(state, deferred_to=due)
        case RenewalMilestoneReached(days=days):
            return replace(state, milestones=(*state.milestones, days))
        case RenewalWon(contract_event=event):
            return replace(state, outcome="won", decided_by=event, decision=recorded.event_id)
        case RenewalLost(contract_event=event):
            return replace(state, outcome="lost", decided_by=event, decision=recorded.event_id)
        case _:
            return state
