"""The declaration of the aggregate type `webhook_endpoint`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision
from app.domain.webhook_endpoint import commands, decisions
from app.domain.webhook_endpoint.state import WebhookEndpointState, evolve

WEBHOOK_ENDPOINT: Final = AggregateType(
    name="webhook_endpoint",
    id_prefix="whe",
    initial=WebhookEndpointState(),
    evolve=evolve,
    decisions={
        commands.RecordWebhookEndpoint: Decision(decisions.register, "administer", creates=True),
        commands.RecordWebhookSecret: Decision(decisions.add_secret, "administer"),
        commands.RetireWebhookSecret: Decision(decisions.retire_secret, "administer"),
        commands.CloseWebhookEndpoint: Decision(decisions.close, "administer"),
    },
)
