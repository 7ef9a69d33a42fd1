"""The API key: who may come in, and as what."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.domain.api_key.events import ApiKeyIssued, ApiKeyRevoked
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import Digest, Instant, Label
from app.domain.recorded import Recorded

Role = Literal["admin", "director", "senior_manager", "manager", "auditor", "integration"]
Scope = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:(read|write)$")]


class IssueApiKey(Command):
    """Hands out a key; its secret is answered once and never again."""

    role: Role
    scopes: tuple[Scope, ...] = Field((), max_length=50, description="for the role integration: what the key may do")
    label: Label | None = None
    expires_at: Instant | None = None


class RecordApiKey(IssueApiKey):
    """The same with the digest of the secret that was made for it."""

    secret_sha256: Digest


class RevokeApiKey(Command):
    """Takes a key back."""


@dataclass(frozen=True)
class ApiKeyState:
    """What checking a key needs."""

    exists: bool = False
    role: str = ""
    scopes: tuple[str, ...] = ()
    secret_sha256: str = ""
    expires_at: str | None = None
    revoked: bool = False
    account: str | None = None


def evolve(state: ApiKeyState, recorded: Recorded) -> ApiKeyState:
    """The state after one more event."""
    match recorded.event:
        case ApiKeyIssued() as issued:
            return ApiKeyState(True, issued.role, issued.scopes, issued.secret_sha256, issued.expires_at)
        case ApiKeyRevoked():
            return replace(state, revoked=True)
        case _:
            return state


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
    """The key taken back. Raises: Refused when it was before."""
    if state.revoked:
        raise Refused("api_key_revoked", "the key was revoked already")
    _require_now(context)
    return (ApiKeyRevoked(),)


def _require_now(context: Context) -> None:
    """Raises: Invalid for a date that lies ahead: a key opens, and stops opening, as soon as it is said."""
    if context.effective_at > context.now:
        raise Invalid("effective_in_future", "a key counts from now on; expires_at ends it later")
