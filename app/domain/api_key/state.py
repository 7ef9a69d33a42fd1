"""What decisions need to know of an API key, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.api_key.events import ApiKeyIssued, ApiKeyRevoked
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class ApiKeyState:
    """What checking a key needs. role: none for a personal key that acts in every role of its user. issued_by: the actor who did."""

    exists: bool = False
    role: str | None = ""
    scopes: tuple[str, ...] = ()
    user: str | None = None
    agent: str | None = None
    secret_sha256: str = ""
    expires_at: str | None = None
    revoked: bool = False
    issued_by: str | None = None
    account: str | None = None


def evolve(state: ApiKeyState, recorded: Recorded) -> ApiKeyState:
    """The state after one more event."""
    match recorded.event:
        case ApiKeyIssued() as issued:
            return ApiKeyState(
                exists=True,
                role=issued.role,
                scopes=issued.scopes,
                user=issued.user,
                agent=issued.agent,
                secret_sha256=issued.secret_sha256,
                expires_at=issued.expires_at,
                issued_by=recorded.actor,
            )
        case ApiKeyRevoked():
            return replace(state, revoked=True)
        case _:
            return state
