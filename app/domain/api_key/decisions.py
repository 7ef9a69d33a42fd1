"""The API key: who may call Steward, and in which role."""

from app.domain.api_key.commands import RecordApiKey, RevokeApiKey
from app.domain.api_key.events import ApiKeyIssued, ApiKeyRevoked
from app.domain.api_key.state import ApiKeyState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event


def issue(_state: ApiKeyState, command: RecordApiKey, context: Context) -> tuple[Event, ...]:
    """A new key. Raises: Invalid when role and scopes do not fit."""
    if command.role == "integration" and not command.scopes:
        raise Invalid("scopes_required", "an integration key needs the scopes that it may use")
    if command.role != "integration" and command.scopes:
        raise Invalid("scopes_not_allowed", "only integration keys have scopes; the other roles bring their own")
    _require_now(context)
    return (
        ApiKeyIssued(
            role=command.role,
            scopes=command.scopes,
            label=command.label,
            secret_sha256=command.secret_sha256,
            expires_at=command.expires_at,
        ),
    )


def revoke(state: ApiKeyState, _command: RevokeApiKey, context: Context) -> tuple[Event, ...]:
    """The key revoked. Raises: Refused when it was before."""
    if state.revoked:
        raise Refused("api_key_revoked", "the key was revoked already")
    _require_now(context)
    return (ApiKeyRevoked(),)


def _require_now(context: Context) -> None:
    """Raises: Invalid for a date that lies ahead: a key is valid, and stops being valid, at once."""
    if context.effective_at > context.now:
        raise Invalid("effective_in_future", "a key counts from now on; expires_at ends it later")
