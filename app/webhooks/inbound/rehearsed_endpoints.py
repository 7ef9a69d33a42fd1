"""Endpoints for a preview: nothing is appended, and no secret is stored or deleted."""

from collections.abc import Mapping, Sequence

from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.store.webhook_secrets import WebhookSecrets
from app.webhooks.inbound.endpoints import NOUN, Endpoints
from app.write_side.rehearsal import Rehearsal


class UntouchedSecrets(WebhookSecrets):
    """The stored secrets, of which none is stored or deleted."""

    def store(self, tenant_id: str, endpoint_id: str, texts: Mapping[str, str], now: int, *, new: bool) -> None:
        """Stores nothing."""

    def delete(self, tenant_id: str, secret_ids: Sequence[str], *, endpoint_id: str | None = None) -> None:
        """Deletes nothing."""


class RehearsedEndpoints(Endpoints):
    """Takes: the endpoints that it stands in for, and the rehearsal that handles their commands."""

    def __init__(self, endpoints: Endpoints, rehearsal: Rehearsal) -> None:
        secrets = UntouchedSecrets(endpoints.secret_store.database, endpoints.secret_store.vault)
        super().__init__(rehearsal, secrets, endpoints.random, endpoints.public_url)
        self._rehearsal = rehearsal

    def _state(self, tenant_id: str, endpoint_id: str) -> WebhookEndpointState:
        """With what was rehearsed. Raises: NotFound."""
        state: WebhookEndpointState = self._rehearsal.load(tenant_id, NOUN, endpoint_id)[1].state
        return state
