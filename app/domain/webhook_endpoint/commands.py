"""The commands of a webhook endpoint; each is the body of its request."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints

from app.domain.kernel.command import Command
from app.domain.kernel.values import Label

MOST_SECRETS: Final = 10
"""How many secrets and public keys an endpoint may have at a time: each costs a comparison a message."""


def _underscored(value: Any) -> Any:
    return value.replace("-", "_") if isinstance(value, str) else value


ProviderName = Annotated[str, BeforeValidator(_underscored), StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
SecretText = Annotated[SecretStr, Field(min_length=8, max_length=500)]
PublicKeyText = Annotated[str, StringConstraints(pattern=r"^whpk_[A-Za-z0-9+/]{43}=?$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]
JsonPointer = Annotated[str, StringConstraints(pattern=r"^(/([^~/\x00]|~[01])*)+$", max_length=200)]


class _Endpoint(Command):
    """The members of an endpoint, without its secrets."""

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
    id_header: HeaderName | None = Field(
        None, description="the header that names a message, though it is not signed; for generic_hmac"
    )
    id_pointer: JsonPointer | None = Field(
        None,
        examples=["/event/id"],
        description="where the body names the message, as a JSON pointer; for generic_hmac. "
        "Without both: the `id` of a CloudEvent, or `event_id`, `delivery_id` or `id` at the top, else the body's digest",
    )


class RegisterWebhookEndpoint(_Endpoint):
    """Registers a sender's endpoint. Without a secret and a public key, a secret is made and is in the answer once."""

    secrets: tuple[SecretText, ...] = Field(
        (), max_length=MOST_SECRETS, description="the sender's secrets, when there are some"
    )


class RecordWebhookEndpoint(_Endpoint):
    """The same with the ids under which its secrets are stored."""

    secrets: tuple[Label, ...] = Field((), max_length=MOST_SECRETS)


class AddWebhookSecret(Command):
    """Accepts one more secret or public key; without either, a secret is made and is in the answer once."""

    secret: SecretText | None = None
    public_key: PublicKeyText | None = None


class RecordWebhookSecret(Command):
    """The same with the id under which the secret is stored."""

    secret: Label | None = None
    public_key: PublicKeyText | None = None


class RetireWebhookSecret(Command):
    """Retires a secret, named by its id, or a public key."""

    secret: Label | None = None
    public_key: PublicKeyText | None = None


class CloseWebhookEndpoint(Command):
    """Closes the endpoint."""
