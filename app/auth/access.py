"""Access: who could see which accounts at an instant, and by way of what, as an auditor asks afterwards.

It is the same rule by which a credential is let in: the grounds of a person's reach, joined with the names that accounts had then.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.auth.organisation import Organisation
from app.auth.reach import READING, Ground, grounds_of
from app.domain.kernel.roles import scopes_of
from projections.views.account_access import KEY_ACCOUNT, Access


class Sight(NamedTuple):
    """Why a person could see an account.

    via: owner, backup or member, where the account named them; mentor, team or department, where it named `of`, whom they led or
    worked with; key_account; or tenant. named_as: as what it named them or `of`. role, reach, department: of the grant.
    """

    account: str
    user: str
    via: str
    of: str | None
    named_as: str | None
    role: str
    reach: str
    department: str | None


def sights(organisation: Organisation, users: Iterable[str], day: str, named: Sequence[Access]) -> list[Sight]:
    """Everything by which some people could see some accounts on a day, by account and person.

    Takes: the names that the accounts had at the instant, and a row without one for an account that there was.
    """
    by_name: dict[str, list[Access]] = {}
    for row in named:
        if row.name is not None:
            by_name.setdefault(row.name, []).append(row)
    accounts = sorted({row.account for row in named})
    found: set[Sight] = set()
    for user in users:
        for ground in grounds_of(organisation, user, day):
            if READING in scopes_of(ground.grant.role):
                found.update(_by(organisation, user, ground, accounts, by_name))
    return sorted(found, key=lambda one: tuple("" if part is None else part for part in one))


def _by(
    organisation: Organisation, user: str, ground: Ground, accounts: Sequence[str], by_name: Mapping[str, list[Access]]
) -> Iterator[Sight]:
    """What a person sees on one ground."""
    grant = (ground.grant.role, ground.grant.reach, ground.grant.department)
    if ground.via == "tenant":
        yield from (Sight(account, user, "tenant", None, None, *grant) for account in accounts)
    elif ground.of is None:
        yield from (Sight(row.account, user, "key_account", None, None, *grant) for row in by_name.get(KEY_ACCOUNT, ()))
    else:
        for name in organisation.names(ground.of):
            for row in by_name.get(name, ()):
                if ground.of == user:
                    yield Sight(row.account, user, row.via, None, row.via, *grant)
                else:
                    yield Sight(row.account, user, ground.via, ground.of, row.via, *grant)
