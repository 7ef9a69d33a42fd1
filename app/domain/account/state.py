"""What decisions need to know of an account, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.account.events import (
    AccountClosed,
    AccountOpened,
    AccountOwnerSet,
    AccountRenamed,
    AccountReopened,
    AccountTierSet,
)
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class AccountState:
    """What decisions need of an account."""

    account: str | None = None
    open: bool = False
    name: str = ""
    currency: str = ""
    tier: str | None = None
    owner: str | None = None


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
        case AccountClosed():
            return replace(state, open=False)
        case AccountReopened():
            return replace(state, open=True)
        case _:
            return state
