"""The declaration of the aggregate type `opportunity`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.opportunity import commands, decisions
from app.domain.opportunity.state import OpportunityState, evolve

OPPORTUNITY: Final = AggregateType(
    name="opportunity",
    id_prefix="opp",
    initial=OpportunityState(),
    evolve=evolve,
    decisions={
        commands.IdentifyOpportunity: Decision(
            decisions.identify,
            creates=True,
            reads=(
                required("account"),
                optional("interaction"),
                optional("scope_change"),
                optional("contract"),
                optional("renewal"),
            ),
        ),
        commands.QualifyOpportunity: Decision(decisions.qualify, reads=(required("account"),)),
        commands.EstimateOpportunity: Decision(decisions.estimate, reads=(required("account"),)),
        commands.AdvanceOpportunity: Decision(decisions.advance, reads=(required("account"),)),
        commands.ParkOpportunity: Decision(decisions.park, reads=(required("account"),)),
        commands.LoseOpportunity: Decision(decisions.lose, reads=(required("account"),)),
        commands.WinOpportunity: Decision(
            decisions.win, reads=(required("account"), required("contract")), claims=decisions.claims
        ),
    },
)
