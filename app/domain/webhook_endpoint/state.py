"""What decisions need to know of a webhook endpoint, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.recorded import Recorded
from app.domain.webhook_endpoint.events import (
    WebhookEndpointClosed,
    WebhookEndpointRegistered,
    WebhookSecretAdded,
    WebhookSecretRetired,
)


@dataclass(frozen=True)
class WebhookEndpointState:
    """What checking a message needs. secrets: their ids."""

    exists: bool = False
    provider: str = ""
    tolerance_seconds: int = 300
    hash: str | None = None
    encoding: str | None = None
    header: str | None = None
    style: str | None = None
    signed_content_template: str | None = None
    id_header: str | None = None
    id_pointer: str | None = None
    secrets: tuple[str, ...] = ()
    public_keys: tuple[str, ...] = ()
    closed: bool = False
    account: str | None = None


def evolve(state: WebhookEndpointState, recorded: Recorded) -> WebhookEndpointState:
    """The state after one more event."""
    match recorded.event:
        case WebhookEndpointRegistered() as registered:
            return WebhookEndpointState(exists=True, **registered.model_dump(exclude={"label"}))
        case WebhookSecretAdded(secret=secret, public_key=public_key):
            return replace(
                state, secrets=_including(state.secrets, secret), public_keys=_including(state.public_keys, public_key)
            )
        case WebhookSecretRetired(secret=secret, public_key=public_key):
            return replace(
                state, secrets=_excluding(state.secrets, secret), public_keys=_excluding(state.public_keys, public_key)
            )
        case WebhookEndpointClosed():
            return replace(state, closed=True)
        case _:
            return state


def _including(items: tuple[str, ...], item: str | None) -> tuple[str, ...]:
    return items if item is None else (*items, item)


def _excluding(items: tuple[str, ...], item: str | None) -> tuple[str, ...]:
    return tuple(each for each in items if each != item)
