"""What decisions need to know of an account, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.account.events import (
    AccountBackupSet,
    AccountClosed,
    AccountMemberAssigned,
    AccountMemberReleased,
    AccountOpened,
    AccountOwnerSet,
    AccountRenamed,
    AccountReopened,
    AccountTierSet,
    KeyAccountSet,
)
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class AccountState:
    """What decisions need of an account. owner, backup: names of people. members: (name, function) of those who work for it besides."""

    account: str | None = None
    open: bool = False
    name: str = ""
    currency: str = ""
    tier: str | None = None
    owner: str | None = None
    backup: str | None = None
    members: frozenset[tuple[str, str]] = frozenset()
    key_account: bool = False


def evolve(state: AccountState, recorded: Recorded) -> AccountState:
    """The state after one more event."""
    match recorded.event:
        case AccountOpened() as opened:
            return AccountState(
                account=recorded.stream_id,
                open=True,
                name=opened.name,
                currency=opened.currency,
                tier=opened.tier,
                owner=opened.owner,
            )
        case AccountRenamed(name=name):
            return replace(state, name=name)
        case AccountTierSet(tier=tier):
            return replace(state, tier=tier)
        case AccountOwnerSet(owner=owner):
            return replace(state, owner=owner)
        case AccountBackupSet(backup=backup):
            return replace(state, backup=backup)
        case AccountMemberAssigned(member=member, function=function):
            return replace(state, members=state.members | {(member, function)})
        case AccountMemberReleased(member=member, function=function):
            return replace(state, members=state.members - {(member, function)})
        case KeyAccountSet(key_account=key_account):
            return replace(state, key_account=key_account)
        case AccountClosed():
            return replace(state, open=False)
        case AccountReopened():
            return replace(state, open=True)
        case _:
            return state
