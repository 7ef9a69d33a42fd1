"""The API key: who may call Steward, and in which role. A personal key is a user's own, and goes as far as they go."""

from dataclasses import replace
from typing import Final

from app.domain.agent.decisions import require_not_ended
from app.domain.api_key.commands import RecordApiKey, RevokeApiKey
from app.domain.api_key.events import ApiKeyIssued, ApiKeyRevoked
from app.domain.api_key.state import ApiKeyState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.roles import ADMIN, INTEGRATION, highest, require_level
from app.domain.user.admins import people, require_admins_left
from app.domain.user.decisions import require_active
from app.domain.user.state import UserState

SCOPE: Final = "api_keys:write"
NOW: Final = "a key counts from now on; expires_at ends it later"
"""A key is valid, and stops being valid, at once."""


def issue(_state: ApiKeyState, command: RecordApiKey, context: Context) -> tuple[Event, ...]:
    """A new key. Raises: Invalid when role and scopes do not fit; NotAllowed above the actor's own level; Refused for a role
    that the user does not have.

    A personal key that names no role stands as high as a role can: it grows with its user, and whoever saw it would grow with them.
    """
    if command.role is None and command.user is None and command.agent is None:
        raise Invalid("role_required", "name the role; only the personal key of a user, and an agent's, do without")
    if command.agent is not None and (command.role is not None or command.user is not None):
        raise Invalid("key_of_an_agent", "an agent's key acts for the agent's person, in all of their roles")
    if command.role == INTEGRATION and not command.scopes:
        raise Invalid("scopes_required", "an integration key needs the scopes that it may use")
    if command.role != INTEGRATION and command.scopes:
        raise Invalid("scopes_not_allowed", "only integration keys have scopes; the other roles bring their own")
    context.require_now(NOW)
    user: UserState | None = context.states.get("user")
    if command.agent is not None:
        require_not_ended(context.states["agent"])
    require_level(context.role, command.role or ADMIN, SCOPE)
    if user is not None:
        require_active(user)
        if command.role is not None and command.role not in user.roles_on(context.today):
            raise Refused("role_not_granted", "the user does not have this role")
    return (
        ApiKeyIssued(
            role=command.role,
            scopes=command.scopes,
            label=command.label,
            secret_sha256=command.secret_sha256,
            user=context.ids.get("user"),
            agent=context.ids.get("agent"),
            expires_at=command.expires_at,
        ),
    )


def revoke(state: ApiKeyState, _command: RevokeApiKey, context: Context) -> tuple[Event, ...]:
    """The key revoked. Raises: Refused when it was before, and for the last of an admin; NotAllowed above the actor's own level."""
    user: UserState | None = context.states.get("user")
    roles = () if user is None else user.roles_from(context.today)
    require_level(context.role, state.role or highest(roles), SCOPE)
    if state.revoked:
        raise Refused("api_key_revoked", "the key was revoked already")
    context.require_now(NOW)
    before = people(context)
    after = before._replace(keys={**before.keys, context.stream_id: replace(state, revoked=True)})
    require_admins_left(before, after, context)
    return (ApiKeyRevoked(),)
