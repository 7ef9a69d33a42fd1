"""The account: a client organisation, with exactly one accountable owner while it is open."""

from dataclasses import dataclass, replace

from pydantic import Field

from app.domain.account.events import (
    AccountClosed,
    AccountOpened,
    AccountOwnerSet,
    AccountRenamed,
    AccountReopened,
    AccountTierSet,
)
from app.domain.kernel.command import Command, Creation
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import Currency, Label, Name, TimeZone
from app.domain.recorded import Recorded


class OpenAccount(Creation):
    """Takes a client on."""

    name: Name = Field(examples=["Northwind"])
    currency: Currency = Field(examples=["EUR"])
    time_zone: TimeZone = "UTC"
    industry: Label | None = None
    tier: Label | None = Field(None, examples=["gold"])
    owner: Label | None = Field(None, description="the account manager who is accountable", examples=["usr_maria"])


class RenameAccount(Command):
    """Gives the organisation another name."""

    name: Name


class SetAccountTier(Command):
    """Puts the account into a tier; null takes it out."""

    tier: Label | None


class SetAccountOwner(Command):
    """Makes another account manager accountable."""

    owner: Label


class CloseAccount(Command):
    """Ends the relationship."""


class ReopenAccount(Command):
    """Takes the relationship up again."""


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
            return AccountState(recorded.stream_id, True, opened.name, opened.currency, opened.tier, opened.owner)
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


def require_open(state: AccountState) -> None:
    """Raises: Refused on a closed account, where nothing commercial happens."""
    if not state.open:
        raise Refused("account_closed", "the account is closed")


def open_(_state: AccountState, command: OpenAccount, _context: Context) -> tuple[Event, ...]:
    """A new account."""
    return (
        AccountOpened(
            **command.model_dump(include={"name", "currency", "time_zone", "industry", "tier", "owner", "external_ref"})
        ),
    )


def rename(state: AccountState, command: RenameAccount, _context: Context) -> tuple[Event, ...]:
    """Another name. Raises: Refused when it is the one it has."""
    require_open(state)
    if command.name == state.name:
        raise Refused("nothing_changes", "the account has this name already")
    return (AccountRenamed(name=command.name),)


def set_tier(state: AccountState, command: SetAccountTier, _context: Context) -> tuple[Event, ...]:
    """Another tier."""
    require_open(state)
    return (AccountTierSet(tier=command.tier),)


def set_owner(state: AccountState, command: SetAccountOwner, _context: Context) -> tuple[Event, ...]:
    """Another owner."""
    require_open(state)
    return (AccountOwnerSet(owner=command.owner, previous=state.owner),)


def close(state: AccountState, _command: CloseAccount, _context: Context) -> tuple[Event, ...]:
    """The end of the relationship."""
    require_open(state)
    return (AccountClosed(),)


def reopen(state: AccountState, _command: ReopenAccount, _context: Context) -> tuple[Event, ...]:
    """The relationship again. Raises: Refused when it never ended."""
    if state.open:
        raise Refused("account_open", "the account is open")
    return (AccountReopened(),)
