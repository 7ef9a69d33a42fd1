"""What decisions need to know of an opportunity, folded from its events."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from app.domain.opportunity import events
from app.domain.recorded import Recorded

STAGES: Final = ("identified", "qualified", "proposed", "negotiation")
"""In their order."""


@dataclass(frozen=True)
class OpportunityState:
    """What decisions need of an opportunity. stage: where it is, also while it is parked. outcome: won or lost."""

    account: str | None = None
    contract: str | None = None
    stage: str = STAGES[0]
    qualified: bool = False
    estimated: bool = False
    parked: bool = False
    outcome: Literal["won", "lost"] | None = None


def evolve(state: OpportunityState, recorded: Recorded) -> OpportunityState:
    """The state after one more event."""
    match recorded.event:
        case events.OpportunityIdentified(account=account, contract=contract):
            return OpportunityState(account=account, contract=contract)
        case events.OpportunityQualified():
            stage = "qualified" if state.stage == STAGES[0] else state.stage
            return replace(state, qualified=True, stage=stage)
        case events.OpportunityEstimated():
            return replace(state, estimated=True)
        case events.OpportunityAdvanced(stage=stage):
            return replace(state, stage=stage, parked=False)
        case events.OpportunityParked():
            return replace(state, parked=True)
        case events.OpportunityWon(contract=contract):
            return replace(state, outcome="won", contract=contract)
        case events.OpportunityLost():
            return replace(state, outcome="lost")
        case _:
            return state
