"""What can have happened to an issuer, an identity provider whose access tokens let users in."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Public


class IssuerRegistered(Event):
    """Access tokens of an identity provider let the tenant's users in from now on.

    issuer: its URL, as tokens have it in `iss`. audience: what they have in `aud`. claim: which member finds the user's login.
    algorithms: by which they may be signed. jwks_url: where its keys are, where they are not found by its metadata.
    plain_jwt: whether tokens of the type `JWT` are taken, too. dpop_required: whether a token must be bound to a key of its client.
    """

    TOPIC = "issuer.registered"
    issuer: Public[str]
    audience: Public[str]
    claim: Public[str]
    algorithms: Public[tuple[str, ...]]
    jwks_url: Public[str | None] = None
    plain_jwt: Public[bool] = False
    dpop_required: Public[bool] = False
    label: Business[str | None] = None


class IssuerClosed(Event):
    """Its tokens let nobody in any more."""

    TOPIC = "issuer.closed"


EVENTS = (IssuerRegistered, IssuerClosed)
