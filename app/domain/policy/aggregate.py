"""The declaration of the aggregate type `policy`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision
from app.domain.policy import commands, decisions
from app.domain.policy.state import PolicyState, evolve

POLICY: Final = AggregateType(
    name="policy",
    id_prefix="pol",
    initial=PolicyState(),
    evolve=evolve,
    decisions={
        commands.DraftPolicy: Decision(decisions.draft, "draft_policy", creates=True, reference=decisions.reference),
        commands.DraftPolicyVersion: Decision(decisions.draft_version, "draft_policy"),
        commands.ActivatePolicy: Decision(decisions.activate, "activate_policy"),
        commands.RetirePolicy: Decision(decisions.retire, "activate_policy"),
    },
)
