"""What can have happened to a webhook endpoint, the address at which a sender's messages come in."""

from app.domain.kernel.event import Event, WithNewMembers
from app.domain.kernel.values import Business, Public


class WebhookEndpointRegistered(WithNewMembers):
    """A sender's endpoint was registered.

    provider: how its messages are signed. tolerance_seconds: how far a message's timestamp may be off.
    hash, encoding, header, style, signed_content_template: for a provider whose signatures are made in many ways.
    id_header, id_pointer: for one whose messages are named in many ways.
    secrets: ids of secrets; their texts are stored elsewhere, encrypted. public_keys: their texts; they are no secret.
    """

    TOPIC = "webhook_endpoint.registered"
    provider: Public[str]
    label: Business[str | None] = None
    tolerance_seconds: Public[int] = 300
    hash: Public[str | None] = None
    encoding: Public[str | None] = None
    header: Public[str | None] = None
    style: Public[str | None] = None
    signed_content_template: Public[str | None] = None
    id_header: Public[str | None] = None
    id_pointer: Public[str | None] = None
    secrets: Public[tuple[str, ...]] = ()
    public_keys: Public[tuple[str, ...]] = ()


class WebhookSecretAdded(Event):
    """One more secret (its id) or public key is accepted from now on: rotation without a gap."""

    TOPIC = "webhook_endpoint.secret_added"
    secret: Public[str | None] = None
    public_key: Public[str | None] = None


class WebhookSecretRetired(Event):
    """A secret (its id) or a public key is accepted no longer."""

    TOPIC = "webhook_endpoint.secret_retired"
    secret: Public[str | None] = None
    public_key: Public[str | None] = None


class WebhookEndpointClosed(Event):
    """The address answers 410 from now on."""

    TOPIC = "webhook_endpoint.closed"


EVENTS = (WebhookEndpointRegistered, WebhookSecretAdded, WebhookSecretRetired, WebhookEndpointClosed)
