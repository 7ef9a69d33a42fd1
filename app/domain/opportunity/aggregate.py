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
            "sell",
            creates=True,
            reads=(
                required("account"),
                optional("interaction"),
                optional("scope_change"),
                optional("contract"),
                optional("renewal"),
            ),
        ),
        commands.QualifyOpportunity: Decision(decisions.qualify, "sell", reads=(required("account"),)),
        commands.EstimateOpportunity: Decision(decisions.estimate, "sell", reads=(required("account"),)),
        commands.AdvanceOpportunity: Decision(decisions.advance, "sell", reads=(required("account"),)),
        commands.ParkOpportunity: Decision(decisions.park, "sell", reads=(required("account"),)),
        commands.LoseOpportunity: Decision(decisions.lose, "sell", reads=(required("account"),)),
        commands.WinOpportunity: Decision(
            decisions.win, "sell", reads=(required("account"), required("contract")), claims=decisions.claims
        ),
    },
)
