"""The webhook endpoint: the address of one sender, and the secrets that its messages may be signed with."""

from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.webhook_endpoint.commands import (
    MOST_SECRETS,
    CloseWebhookEndpoint,
    RecordWebhookEndpoint,
    RecordWebhookSecret,
    RetireWebhookSecret,
)
from app.domain.webhook_endpoint.events import (
    WebhookEndpointClosed,
    WebhookEndpointRegistered,
    WebhookSecretAdded,
    WebhookSecretRetired,
)
from app.domain.webhook_endpoint.state import WebhookEndpointState


def _now(event: Event, context: Context) -> tuple[Decided]:
    """An endpoint is technical and not business: a change of it is effective when it is made."""
    return (Decided(event, effective_at=context.now),)


def register(_state: WebhookEndpointState, command: RecordWebhookEndpoint, context: Context) -> tuple[Decided]:
    """A new endpoint. Raises: Invalid without anything to check a signature with."""
    if not command.secrets and not command.public_keys:
        raise Invalid("secret_missing", "an endpoint needs a secret or a public key")
    if len(set(command.public_keys)) != len(command.public_keys):
        raise Invalid("public_key_twice", "the same public key was named twice")
    _require_room(len(command.secrets) + len(command.public_keys))
    return _now(
        WebhookEndpointRegistered(**command.model_dump(exclude={"effective_at", "reason", "visibility"})), context
    )


def add_secret(state: WebhookEndpointState, command: RecordWebhookSecret, context: Context) -> tuple[Decided]:
    """One more secret or public key. Raises: Refused on a closed endpoint, for one that it has, or for too many."""
    require_open(state)
    _require_one(command.secret, command.public_key)
    if command.secret in state.secrets or command.public_key in state.public_keys:
        raise Refused("nothing_changes", "the endpoint accepts it already")
    _require_room(len(state.secrets) + len(state.public_keys) + 1)
    return _now(WebhookSecretAdded(secret=command.secret, public_key=command.public_key), context)


def retire_secret(state: WebhookEndpointState, command: RetireWebhookSecret, context: Context) -> tuple[Decided]:
    """One secret or public key less. Raises: Refused for one that it has not, or for its last."""
    require_open(state)
    _require_one(command.secret, command.public_key)
    if command.secret not in (None, *state.secrets) or command.public_key not in (None, *state.public_keys):
        raise Refused("secret_unknown", "the endpoint has no such secret or public key")
    if len(state.secrets) + len(state.public_keys) == 1:
        raise Refused("last_secret", "add another one first, or close the endpoint")
    return _now(WebhookSecretRetired(secret=command.secret, public_key=command.public_key), context)


def close(state: WebhookEndpointState, _command: CloseWebhookEndpoint, context: Context) -> tuple[Decided]:
    """The end of the address. Raises: Refused when it was closed before."""
    require_open(state)
    return _now(WebhookEndpointClosed(), context)


def require_open(state: WebhookEndpointState) -> None:
    """Raises: Refused on a closed endpoint."""
    if state.closed:
        raise Refused("webhook_endpoint_closed", "the endpoint is closed")


def _require_one(secret: str | None, public_key: str | None) -> None:
    if (secret is None) == (public_key is None):
        raise Invalid("name_one", "name a secret or a public key")


def _require_room(count: int) -> None:
    if count > MOST_SECRETS:
        raise Refused("too_many_secrets", f"an endpoint has {MOST_SECRETS} secrets and public keys at the most")
