"""What can have happened to an API key."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Public


class ApiKeyIssued(Event):
    """A key was issued; its secret was shown once and only its SHA-256 is stored.

    role: admin, director, senior_manager, manager, auditor or integration. scopes: what an integration may do. expires_at: instant or none.
    """

    TOPIC = "api_key.issued"
    role: Public[str]
    scopes: Public[tuple[str, ...]] = ()
    label: Business[str | None] = None
    secret_sha256: Public[str]
    expires_at: Public[str | None] = None


class ApiKeyRevoked(Event):
    """The key is not valid any more."""

    TOPIC = "api_key.revoked"


EVENTS = (ApiKeyIssued, ApiKeyRevoked)
