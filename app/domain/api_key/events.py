"""What can have happened to an API key."""

from typing import Any

from app.domain.kernel.event import Event, WithRenamedRole
from app.domain.kernel.values import Business, Public


class ApiKeyIssued(WithRenamedRole):
    """A key was issued; its secret was shown once and only its SHA-256 is stored.

    role: in which its bearer acts; none for a personal key that acts in every role that its user has. scopes: what an integration may
    do. user: whose key it is, none for the key of a service. agent: that it is an agent's. expires_at: instant or none.
    """

    TOPIC = "api_key.issued"
    VERSION = 3
    role: Public[str | None] = None
    scopes: Public[tuple[str, ...]] = ()
    label: Business[str | None] = None
    secret_sha256: Public[str]
    user: Public[str | None] = None
    agent: Public[str | None] = None
    expires_at: Public[str | None] = None

    @staticmethod
    def upcast_v2(data: dict[str, Any]) -> dict[str, Any]:
        """The data of the second version, which is valid in the third as it is."""
        return data


class ApiKeyRevoked(Event):
    """The key is not valid any more."""

    TOPIC = "api_key.revoked"


EVENTS = (ApiKeyIssued, ApiKeyRevoked)
