"""The declaration of the aggregate type `issuer`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, every_of_tenant
from app.domain.issuer import commands, decisions
from app.domain.issuer.state import IssuerState, evolve

ISSUER: Final = AggregateType(
    name="issuer",
    id_prefix="iss",
    initial=IssuerState(),
    evolve=evolve,
    decisions={
        commands.RecordIssuer: Decision(
            decisions.register,
            "administer",
            creates=True,
            reads=(every_of_tenant("issuers", aggregate="issuer", topic="issuer.registered"),),
        ),
        commands.CloseIssuer: Decision(decisions.close, "administer"),
    },
)
