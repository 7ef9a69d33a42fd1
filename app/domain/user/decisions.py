"""The user: a person of the agency, who acts in the roles that they were given.

Nobody gives or takes what stands above their own role, and a tenant never loses its last admin.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Invalid, NotFound, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.roles import USUAL_REACH, highest, require_level
from app.domain.user import commands, events
from app.domain.user.admins import people, require_admins_left
from app.domain.user.names import names_of, require_name
from app.domain.user.state import UserState

SCOPE: Final = "users:write"
LOGIN: Final = "login:login_taken"
"""The namespace of logins, with the code that refuses a second person."""
NOW: Final = "it counts from now on; start and end say on which days"
"""What somebody may do changes at once; the days of a role say when it counts."""


def invite(_state: UserState, command: commands.InviteUser, context: Context) -> tuple[Event, ...]:
    """A new user, without any right. Raises: Invalid for a reference that may be another user's id."""
    context.require_now(NOW)
    require_name(command.external_ref)
    return (
        events.UserInvited(
            user=context.stream_id, name=command.name, address=command.address, external_ref=command.external_ref
        ),
    )


def note(_state: UserState, command: commands.NoteUser, context: Context) -> tuple[Event, ...]:
    """A user of whom only a name is known. Raises: Invalid for a name that may be another user's id."""
    context.require_now(NOW)
    require_name(command.external_ref)
    return (events.UserNoted(external_ref=command.external_ref),)


def claim(state: UserState, command: commands.ClaimUser, context: Context) -> tuple[Event, ...]:
    """A person behind a name. Raises: Refused for a user who is one already."""
    context.require_now(NOW)
    _require_unclaimed(state)
    return (
        events.UserInvited(
            user=context.stream_id, name=command.name, address=command.address, external_ref=state.external_ref
        ),
    )


def merge(state: UserState, _command: commands.MergeUser, context: Context) -> tuple[Event | Decided, ...]:
    """A name that is another user's. Raises: Refused for a person, and for what would lead to itself or to nobody."""
    context.require_now(NOW)
    _require_unclaimed(state)
    into, other = context.ids["into"], context.states["into"]
    if into == context.stream_id:
        raise Refused("merged_into_itself", "name another user: this is the one that is to be merged")
    if other.merged_into is not None:
        raise Refused("user_merged", "the other user is no more; merge into who they became", into=other.merged_into)
    names = names_of(context.stream_id, state)
    return (
        events.UserMerged(into=into),
        Decided(events.UserNamesJoined(user=context.stream_id, names=names), beside="into"),
    )


def bind_login(state: UserState, command: commands.BindLogin, context: Context) -> tuple[Event, ...]:
    """A login of the person. Raises: NotAllowed for somebody above the actor, whose rights it would open."""
    context.require_now(NOW)
    _require_above(state, context)
    require_active(state)
    return (events.UserLoginBound(user=context.stream_id, issuer=command.issuer, subject=command.subject),)


def login_claims(command: commands.BindLogin, context: Context) -> Sequence[tuple[str, str]]:
    """A login is one person's for ever. A claim is not sealed: what is kept is a mark that only the tenant's key can make, so that
    nobody who has the database alone can try whether a person is among the users.
    """
    return [(LOGIN, context.mark(login_named(command.issuer, command.subject)))]


def former_login_claims(command: commands.BindLogin, _context: Context) -> Sequence[tuple[str, str]]:
    """How older ledgers claimed the same login: by a digest that anybody can make."""
    named = login_named(command.issuer, command.subject).encode()
    return [(LOGIN, hashlib.sha256(named).hexdigest())]


def login_named(issuer: str, subject: str) -> str:
    """A login as its claims are made of it."""
    return f"{issuer}\n{subject}"


def suspend(state: UserState, _command: commands.SuspendUser, context: Context) -> tuple[Event, ...]:
    """Rights taken for a while. Raises: NotAllowed, Refused for a second time and for the last admin."""
    context.require_now(NOW)
    _require_above(state, context)
    require_active(state)
    _require_admins_left(context, replace(state, suspended=True))
    return (events.UserSuspended(),)


def reinstate(state: UserState, _command: commands.ReinstateUser, context: Context) -> tuple[Event, ...]:
    """Rights given back. Raises: NotAllowed, Refused for somebody who is not suspended."""
    context.require_now(NOW)
    _require_above(state, context)
    if not state.suspended:
        raise Refused("user_not_suspended", "the user is not suspended")
    return (events.UserReinstated(),)


def grant(state: UserState, command: commands.GrantRole, context: Context) -> tuple[Event, ...]:
    """A role for a while. Raises: NotAllowed above the actor's own level; Invalid, Refused for one that they have then."""
    context.require_now(NOW)
    require_level(context.role, command.role, SCOPE)
    require_active(state)
    start, end = command.start or context.today, command.end
    if end is not None and end <= start:
        raise Invalid("end_before_start", "the first day without the role lies after its first day")
    for number, other in enumerate(state.grants, start=1):
        if (other.role, other.department) == (command.role, command.department) and other.meets(start, end):
            raise Refused("role_granted", "the user has this role then already", grant=number)
    return (
        events.RoleGranted(
            grant=len(state.grants) + 1,
            role=command.role,
            reach=command.reach or USUAL_REACH[command.role],
            department=command.department,
            start=start,
            end=end,
        ),
    )


def revoke(state: UserState, command: commands.RevokeRole, context: Context) -> tuple[Event, ...]:
    """A role taken at once. Raises: NotFound; NotAllowed above the actor's own level; Refused, for the last admin too."""
    context.require_now(NOW)
    if command.grant > len(state.grants):
        raise NotFound("unknown_grant", f"the user was given {len(state.grants)} roles")
    given = state.grants[command.grant - 1]
    require_level(context.role, given.role, SCOPE)
    if not given.lasts_beyond(context.today):
        raise Refused("role_not_granted", "this grant has ended already")
    _require_admins_left(context, state.without(command.grant))
    return (events.RoleRevoked(grant=command.grant, role=given.role),)


def report_to(state: UserState, command: commands.SetReportingLine, context: Context) -> tuple[Event, ...]:
    """To whom the person reports from a day on. Raises: Refused where somebody would report to themselves, by way of others too."""
    context.require_now(NOW)
    manager = context.ids.get("manager") if command.manager is not None else None
    start = command.start or context.today
    if manager is not None:
        if context.states["manager"].suspended:
            raise Refused("user_suspended", "nobody reports to a user who is suspended")
        lines = tuple(sorted({**dict(state.lines), start: manager}.items()))
        users = {**context.states["users"], context.stream_id: replace(state, lines=lines)}
        days = {start, *(day for user in users.values() for day in user.line_days() if day > start)}
        if any(_in_circle(context.stream_id, users, day) for day in days):
            raise Refused("reports_in_circle", "somebody would report to themselves, on some day")
    return (events.ReportingLineSet(manager=manager, start=start),)


def require_active(state: UserState) -> None:
    """Raises: Refused for a user who is suspended, or no person, or another user by now."""
    require_person(state)
    if state.suspended:
        raise Refused("user_suspended", "the user is suspended; reinstate them first")


def require_person(state: UserState) -> None:
    """Raises: Refused for a user of whom only a name is known, or who is another user by now."""
    if state.merged_into is not None:
        raise Refused("user_merged", "the user is no more; name who they became", into=state.merged_into)
    if state.unclaimed:
        raise Refused("user_unclaimed", "of this user only a name is known; invite the person first")


def _require_unclaimed(state: UserState) -> None:
    """Raises: Refused for a user who is a person, or another user by now."""
    if state.merged_into is not None:
        raise Refused("user_merged", "the user is no more; name who they became", into=state.merged_into)
    if not state.unclaimed:
        raise Refused("user_claimed", "the user is a person already")


def _require_above(state: UserState, context: Context) -> None:
    """Raises: NotAllowed where the user stands above the actor, today or later."""
    require_level(context.role, highest(state.roles_from(context.today)), SCOPE)


def _require_admins_left(context: Context, changed: UserState) -> None:
    """Raises: Refused where no admin, or no key of one, would be left once the user has changed."""
    before = people(context)
    require_admins_left(before, before._replace(users={**before.users, context.stream_id: changed}), context)


def _in_circle(user_id: str, users: Mapping[str, UserState], day: str) -> bool:
    """Whether a user is above themselves on a day."""
    above, seen = users[user_id].manager_on(day), {user_id}
    while above is not None and above not in seen:
        seen.add(above)
        above = users[above].manager_on(day) if above in users else None
    return above == user_id
