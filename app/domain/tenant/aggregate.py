"""The declaration of the aggregate type `tenant`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision
from app.domain.tenant import commands, decisions
from app.domain.tenant.state import TenantState, evolve

TENANT: Final = AggregateType(
    name="tenant",
    id_prefix="tnt",
    initial=TenantState(),
    evolve=evolve,
    decisions={
        commands.CreateTenant: Decision(decisions.create, "watch", creates=True),
    },
)
