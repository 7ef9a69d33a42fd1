"""The account: a client organisation, with exactly one accountable owner while it is open."""

from app.domain.account.commands import (
    CloseAccount,
    OpenAccount,
    RenameAccount,
    ReopenAccount,
    SetAccountCountry,
    SetAccountOwner,
    SetAccountTier,
)
from app.domain.account.events import (
    AccountClosed,
    AccountCountrySet,
    AccountOpened,
    AccountOwnerSet,
    AccountRenamed,
    AccountReopened,
    AccountTierSet,
)
from app.domain.account.people import named, require_senior_owner
from app.domain.account.state import AccountState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import nearest_day, require_currency


def require_open(state: AccountState) -> None:
    """Raises: Refused on a closed account, where nothing commercial happens."""
    if not state.open:
        raise Refused("account_closed", "the account is closed")


def open_(_state: AccountState, command: OpenAccount, context: Context) -> tuple[Event, ...]:
    """A new account. Raises: Invalid for a currency of the past; as `named`."""
    require_currency(command.currency, nearest_day(context.effective_at, context.zone))
    members = {"name", "currency", "time_zone", "industry", "country", "tier", "external_ref"}
    owner = None if command.owner is None else named(context, "owner", command.owner)
    return (AccountOpened(**command.model_dump(include=members), owner=owner),)


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


def set_owner(state: AccountState, command: SetAccountOwner, context: Context) -> tuple[Event, ...]:
    """Another owner, without a handover. Raises: as `named`; Invalid where a person gives no reason; Refused for somebody too junior for
    a key account."""
    require_open(state)
    if command.reason is None and context.principal.is_person:
        raise Invalid(
            "ownership_needs_handover",
            "an account goes to somebody else by a handover that they accept; without one, say the reason",
        )
    owner = named(context, "owner", command.owner)
    if state.key_account:
        require_senior_owner(context)
    return (AccountOwnerSet(owner=owner, previous=state.owner),)


def set_country(state: AccountState, command: SetAccountCountry, _context: Context) -> tuple[Event, ...]:
    """Another country."""
    require_open(state)
    return (AccountCountrySet(country=command.country),)


def close(state: AccountState, _command: CloseAccount, context: Context) -> tuple[Event, ...]:
    """The end of the relationship. Raises: Refused while a contract is in force, or begins later."""
    require_open(state)
    contracts = context.states["contracts"]
    going_on = [named for named, contract in contracts.items() if contract.ends_at(context) > context.effective_at]
    if going_on:
        raise Refused("contract_in_force", "contracts of the account go on; end them first", contracts=sorted(going_on))
    return (AccountClosed(),)


def reopen(state: AccountState, _command: ReopenAccount, _context: Context) -> tuple[Event, ...]:
    """The relationship again. Raises: Refused when it never ended."""
    if state.open:
        raise Refused("account_open", "the account is open")
    return (AccountReopened(),)
