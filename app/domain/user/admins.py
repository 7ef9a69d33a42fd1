"""Admins: a tenant that has one never loses the last one, nor the last key of one.

A user is an admin while a grant of the role counts and they are not suspended. A key is an admin's when its role is that, or when it is
the personal key of an admin and acts in every role that they have. Where there is one without an end, one without an end must be left.
"""

from collections.abc import Mapping
from typing import NamedTuple

from app.domain.api_key.state import ApiKeyState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.roles import ADMIN
from app.domain.kernel.values import micros
from app.domain.user.state import UserState


class People(NamedTuple):
    """The users and the keys of a tenant, by id."""

    users: Mapping[str, UserState]
    keys: Mapping[str, ApiKeyState]

    def admins(self, day: str, *, lasting: bool) -> set[str]:
        """The users who are admins on a day. Takes: whether only those count who have no end."""
        return {
            user_id
            for user_id, user in self.users.items()
            if not user.suspended
            and any(
                grant.role == ADMIN and grant.in_force_on(day) and not (lasting and grant.end) for grant in user.grants
            )
        }

    def admin_keys(self, day: str, now: int, *, lasting: bool) -> set[str]:
        """The keys that open as an admin's on a day. Takes: as `admins`; now, in microseconds."""
        admins = self.admins(day, lasting=lasting)
        return {
            key_id
            for key_id, key in self.keys.items()
            if not key.revoked
            and key.role in (ADMIN, None)
            and key.agent is None
            and (key.user is None or key.user in admins)
            and (key.expires_at is None or (not lasting and micros(key.expires_at) > now))
        }


def people(context: Context) -> People:
    """All users and keys that a decision reads."""
    return People(context.states["users"], context.states["keys"])


def require_admins_left(before: People, after: People, context: Context) -> None:
    """Raises: Refused where the last admin, or the last key of one, would be lost."""
    day = context.today
    for lasting in (True, False):
        if before.admins(day, lasting=lasting) and not after.admins(day, lasting=lasting):
            raise Refused(
                "last_admin", "nobody would be an admin without an end any more; grant the role to somebody first"
            )
        keys = before.admin_keys(day, context.now, lasting=lasting)
        if keys and not after.admin_keys(day, context.now, lasting=lasting):
            raise Refused("last_admin_key", "no key of an admin without an end would be left; issue another one first")
