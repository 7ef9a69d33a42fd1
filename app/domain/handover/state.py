"""What decisions need to know of a handover, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.handover import events
from app.domain.handover.events import NEEDED
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class HandoverState:
    """What is needed of a handover. stage: draft, submitted, rejected or accepted. started_by: the actor.

    filled: the sections that are. assigned: whether the receiver works for the account so that they see it before they answer.
    """

    account: str | None = None
    kind: str = ""
    giver: str | None = None
    receiver: str = ""
    stage: str = ""
    started_by: str = ""
    filled: frozenset[str] = frozenset()
    introduced: bool = False
    assigned: bool = False

    @property
    def missing(self) -> list[str]:
        """The sections without which it is not ready."""
        return [section for section in NEEDED[self.kind] if section not in self.filled]


def evolve(state: HandoverState, recorded: Recorded) -> HandoverState:
    """The state after one more event."""
    data = recorded.data  # plain: texts are sealed, and nothing here needs them
    match recorded.type:
        case events.HandoverStarted.TOPIC:
            return HandoverState(
                account=data["account"],
                kind=data["kind"],
                giver=data.get("giver"),
                receiver=data["receiver"],
                stage="draft",
                started_by=recorded.actor,
            )
        case events.HandoverSectionFilled.TOPIC:
            return replace(state, filled=state.filled | {data["section"]})
        case events.HandoverSubmitted.TOPIC:
            return replace(state, stage="submitted", assigned=data.get("assigned", False))
        case events.HandoverAccepted.TOPIC:
            return replace(state, stage="accepted")
        case events.HandoverRejected.TOPIC:
            return replace(state, stage="rejected")
        case events.HandoverClientIntroduced.TOPIC:
            return replace(state, introduced=True)
        case _:
            return state
