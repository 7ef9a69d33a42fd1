"""The people of an account: whom a command names, and the name under which the account holds them.

Who asks over HTTP must name a user. Who states facts of another system may name anybody: older events do, too.
"""

from typing import Any

from app.domain.account.state import AccountState
from app.domain.aggregate_type import Related, optional
from app.domain.kernel.context import Context
from app.domain.kernel.errors import NotFound, Refused
from app.domain.kernel.roles import highest, level_of
from app.domain.kernel.values import REF
from app.domain.user.names import canonical_name, id_or_ref, names_of
from app.domain.user.state import UserState

SENIOR = "senior_account_manager"
"""From which role on somebody may own a key account."""


def person(member: str) -> Related:
    """The user whom a member of the command names. The context has their state as `<member>_user`."""

    def named_by(_state: AccountState, command: Any, _day: str) -> str | None:
        given = getattr(command, member)
        return None if given is None else id_or_ref(given)

    return optional(f"{member}_user", aggregate="user", named_by=named_by)


def owner() -> Related:
    """The user who owns the account, as the context's `owner_user`."""
    return optional(
        "owner_user", aggregate="user", named_by=lambda state, _command, _day: state.owner and id_or_ref(state.owner)
    )


def named(context: Context, member: str, given: str) -> str:
    """The name under which the account holds somebody.

    Takes: the member and what it says. Raises, over HTTP: NotFound for nobody, Refused for who is suspended or another user by now.
    """
    user: UserState | None = context.states.get(f"{member}_user")
    if context.people_known:
        if user is None:
            raise NotFound(f"{member}_not_found", f"no user goes by the name that {member} gives")
        if user.merged_into is not None:
            raise Refused("user_merged", "the user is no more; name who they became", into=user.merged_into)
        if user.suspended:
            raise Refused("user_suspended", f"the user whom {member} names is suspended")
    if user is None or user.merged_into is not None:
        return given.removeprefix(REF)
    return canonical_name(context.ids[f"{member}_user"], user)


def held(context: Context, member: str, given: str) -> tuple[str, ...]:
    """All names under which an account may hold somebody, the given one first."""
    user: UserState | None = context.states.get(f"{member}_user")
    names = () if user is None else names_of(context.ids[f"{member}_user"], user)
    return (given.removeprefix(REF), *names)


def require_senior_owner(context: Context, member: str = "owner") -> None:
    """Raises: Refused where the owner of a key account does not stand as high as a senior account manager today.

    Takes: as what the context has the owner's state.
    """
    if not context.people_known:
        return
    user: UserState | None = context.states.get(f"{member}_user")
    roles = () if user is None else user.roles_on(context.today)
    if level_of(highest(roles)) < level_of(SENIOR):
        raise Refused("owner_not_senior", "a key account needs an owner who is a senior account manager or above")
