"""Reach of people: over whose accounts a person may act, from the roles that count today, reporting lines and teams.

Takes effect with the check of a credential, and is believed as long as that.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from app.auth.organisation import Organisation
from app.domain.kernel import roles
from app.domain.kernel.reach import Reach
from app.domain.user.state import Grant

__all__ = ["READING", "Ground", "Reach", "grounds_of", "reach_of"]
MENTORING: Final = "senior_account_manager"
"""The role whose portfolio has those of the people who report to it, and the key accounts."""
READING: Final = "accounts:read"
"""The scope without which nobody sees an account, however far their reach."""
_WIDTH: Final[dict[roles.Reach, int]] = {"self": 1, "portfolio": 2, "team": 3, "department": 4, "tenant": 5}


class Ground(NamedTuple):
    """Why a person reaches what others are named in. via: self, mentor, key_account, team, department or tenant. of: who that is."""

    via: str
    of: str | None
    grant: Grant


def reach_of(organisation: Organisation, user: str, day: str, only: str | None = None) -> Reach:
    """The reach of a person on a day. Takes: the only role that counts, where a key acts in one.

    Who is an admin besides sees no more for it: of several roles those give the reach that read accounts.
    """
    found = list(grounds_of(organisation, user, day, only))
    found = [ground for ground in found if READING in roles.scopes_of(ground.grant.role)] or found
    if not found:
        return Reach(kind="self", user=user)
    kind = max((_kind(ground.grant) for ground in found), key=_WIDTH.__getitem__)
    if kind == "tenant":
        return Reach(user=user)
    people = {ground.of for ground in found if ground.of is not None}
    names = frozenset[str]().union(*map(organisation.names, people))
    return Reach(kind, names, key_accounts=any(ground.via == "key_account" for ground in found), user=user)


def grounds_of(organisation: Organisation, user: str, day: str, only: str | None = None) -> Iterator[Ground]:
    """Every ground on which a person reaches accounts on a day. Raises: nothing; of who is suspended there is none."""
    state = organisation.users.get(user)
    if state is None or state.suspended:
        return
    for grant in state.grants:
        if grant.in_force_on(day) and only in (None, grant.role):
            yield from _grounds(organisation, user, grant, day)


def _grounds(organisation: Organisation, user: str, grant: Grant, day: str) -> Iterator[Ground]:
    kind = _kind(grant)
    if kind == "tenant":
        yield Ground("tenant", None, grant)
        return
    yield Ground("self", user, grant)
    if kind == "portfolio" and grant.role == MENTORING:
        yield Ground("key_account", None, grant)
        yield from _each("mentor", organisation.mentees(user, day), grant)
    elif kind == "team":
        yield from _each("team", organisation.team(user, day) - {user}, grant)
    elif kind == "department":
        below = organisation.below(user, day)
        beside = organisation.of_department(grant.department, day) if grant.department else frozenset[str]()
        yield from _each("department", (below | beside) - {user}, grant)


def _each(via: str, people: Iterable[str], grant: Grant) -> Iterator[Ground]:
    return (Ground(via, one, grant) for one in sorted(people))


def _kind(grant: Grant) -> roles.Reach:
    return grant.reach  # type: ignore[return-value]  # the command takes these only
