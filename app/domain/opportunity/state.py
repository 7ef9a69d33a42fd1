"""What decisions need to know of an opportunity, folded from its events."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from app.domain.opportunity import events as facts
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
        case facts.OpportunityIdentified() as told:
            return OpportunityState(told.account, told.contract)
        case facts.OpportunityQualified():
            stage = "qualified" if state.stage == STAGES[0] else state.stage
            return replace(state, qualified=True, stage=stage)
        case facts.OpportunityEstimated():
            return replace(state, estimated=True)
        case facts.OpportunityAdvanced(stage=stage):
            return replace(state, stage=stage, parked=False)
        case facts.OpportunityParked():
            return replace(state, parked=True)
        case facts.OpportunityWon(contract=contract):
            return replace(state, outcome="won", contract=contract)
        case facts.OpportunityLost():
            return replace(state, outcome="lost")
        case _:
            return state
