"""The webhook endpoint: the address of one sender, and the secrets that its messages may be signed with."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints

from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import Label
from app.domain.recorded import Recorded
from app.domain.webhook_endpoint.events import (
    WebhookEndpointClosed,
    WebhookEndpointRegistered,
    WebhookSecretAdded,
    WebhookSecretRetired,
)

MOST_SECRETS: Final = 10
"""How many secrets and public keys an endpoint may have at a time: each costs a comparison a message."""


def _underscored(value: Any) -> Any:
    return value.replace("-", "_") if isinstance(value, str) else value


ProviderName = Annotated[str, BeforeValidator(_underscored), StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
SecretText = Annotated[SecretStr, Field(min_length=8, max_length=500)]
PublicKeyText = Annotated[str, StringConstraints(pattern=r"^whpk_[A-Za-z0-9+/]{43}=?$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]


class _Endpoint(Command):
    """What is said of an endpoint, its secrets aside."""

    provider: ProviderName = Field(examples=["standard_webhooks"], description="how the sender signs")
    label: Label | None = None
    public_keys: tuple[PublicKeyText, ...] = Field(
        (), max_length=MOST_SECRETS, description="`whpk_…`, for v1a signatures"
    )
    tolerance_seconds: int = Field(
        300, ge=1, le=10**10, strict=True, description="how far a signed timestamp may be off"
    )
    hash: Literal["sha256", "sha512"] | None = None
    encoding: Literal["hex", "base64"] | None = None
    header: HeaderName | None = Field(None, description="the header that bears the signature")
    style: Literal["plain", "t_v1"] | None = Field(
        None, description="the signature alone, or `t=<seconds>,v1=<signature>`"
    )
    signed_content_template: Literal["{body}", "{t},{body}", "{t}.{body}"] | None = None


class RegisterWebhookEndpoint(_Endpoint):
    """Gives a sender an address. Without a secret and without a public key a secret is made and answered once."""

    secrets: tuple[SecretText, ...] = Field(
        (), max_length=MOST_SECRETS, description="the sender's secrets, when there are some"
    )


class RecordWebhookEndpoint(_Endpoint):
    """The same with the ids under which its secrets were put away."""

    secrets: tuple[Label, ...] = Field((), max_length=MOST_SECRETS)


class AddWebhookSecret(Command):
    """Accepts one more secret or public key; without either a secret is made and answered once."""

    secret: SecretText | None = None
    public_key: PublicKeyText | None = None


class RecordWebhookSecret(Command):
    """The same with the id under which the secret was put away."""

    secret: Label | None = None
    public_key: PublicKeyText | None = None


class RetireWebhookSecret(Command):
    """Accepts a secret, named by its id, or a public key no longer."""

    secret: Label | None = None
    public_key: PublicKeyText | None = None


class CloseWebhookEndpoint(Command):
    """Takes the address away."""


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
                state, secrets=_with(state.secrets, secret), public_keys=_with(state.public_keys, public_key)
            )
        case WebhookSecretRetired(secret=secret, public_key=public_key):
            return replace(
                state, secrets=_without(state.secrets, secret), public_keys=_without(state.public_keys, public_key)
            )
        case WebhookEndpointClosed():
            return replace(state, closed=True)
        case _:
            return state


def _with(held: tuple[str, ...], one: str | None) -> tuple[str, ...]:
    return held if one is None else (*held, one)


def _without(held: tuple[str, ...], one: str | None) -> tuple[str, ...]:
    return tuple(each for each in held if each != one)


def _now(event: Event, context: Context) -> tuple[Decided]:
    """An endpoint is a thing of the house and not of business: what is done to it is true when it is done."""
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
