"""The declaration of the aggregate type `api_key`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, every_of_tenant, optional
from app.domain.api_key import commands, decisions
from app.domain.api_key.state import ApiKeyState, evolve

API_KEY: Final = AggregateType(
    name="api_key",
    id_prefix="key",
    initial=ApiKeyState(),
    evolve=evolve,
    decisions={
        commands.RecordApiKey: Decision(
            decisions.issue, "administer", creates=True, reads=(optional("user"), optional("agent"))
        ),
        commands.RevokeApiKey: Decision(
            decisions.revoke,
            "administer",
            reads=(
                optional("user"),
                every_of_tenant("users", aggregate="user", topic="user.invited"),
                every_of_tenant("keys", aggregate="api_key", topic="api_key.issued"),
            ),
        ),
    },
)
