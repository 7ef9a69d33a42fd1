"""The declaration of the aggregate type `incentive_statement`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, required
from app.domain.incentive_statement import commands, decisions
from app.domain.incentive_statement.state import StatementState, evolve

INCENTIVE_STATEMENT: Final = AggregateType(
    name="incentive_statement",
    id_prefix="ist",
    initial=StatementState(),
    evolve=evolve,
    decisions={
        commands.RecordStatement: Decision(
            decisions.issue, "pay", creates=True, reads=(required("policy"),), claims=decisions.claims
        ),
        commands.RecordClawback: Decision(decisions.claw_back, "pay"),
        commands.DisputeLine: Decision(decisions.dispute, "pay"),
        commands.ResolveDispute: Decision(decisions.resolve, "pay"),
    },
)
