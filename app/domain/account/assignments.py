"""Who works for an account besides its owner, and whether it is one of those that matter most."""

from app.domain.account.commands import AssignAccountMember, ReleaseAccountMember, SetAccountBackup, SetKeyAccount
from app.domain.account.decisions import require_open
from app.domain.account.events import AccountBackupSet, AccountMemberAssigned, AccountMemberReleased, KeyAccountSet
from app.domain.account.people import held, named, require_senior_owner
from app.domain.account.state import AccountState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event


def set_backup(state: AccountState, command: SetAccountBackup, context: Context) -> tuple[Event, ...]:
    """Who stands in for the owner. Raises: as `named`; Refused for who does so already."""
    require_open(state)
    backup = None if command.backup is None else named(context, "backup", command.backup)
    if backup == state.backup:
        raise Refused("nothing_changes", "this is the backup of the account already")
    return (AccountBackupSet(backup=backup),)


def assign(state: AccountState, command: AssignAccountMember, context: Context) -> tuple[Event, ...]:
    """Somebody more. Raises: as `named`; Refused for who works for the account in this function already."""
    require_open(state)
    member = named(context, "member", command.member)
    if any((name, command.function) in state.members for name in held(context, "member", member)):
        raise Refused("account_member", "they work for the account in this function already")
    return (AccountMemberAssigned(member=member, function=command.function),)


def release(state: AccountState, command: ReleaseAccountMember, context: Context) -> tuple[Event, ...]:
    """Somebody less. Raises: Refused for who does not work for the account in this function."""
    require_open(state)
    names = held(context, "member", command.member)
    member = next((name for name in names if (name, command.function) in state.members), None)
    if member is None:
        raise Refused("not_an_account_member", "they do not work for the account in this function")
    return (AccountMemberReleased(member=member, function=command.function),)


def set_key_account(state: AccountState, command: SetKeyAccount, context: Context) -> tuple[Event, ...]:
    """Whether it is a key account. Raises: Refused where it is so already, and where its owner is too junior."""
    require_open(state)
    if command.key_account == state.key_account:
        raise Refused("nothing_changes", "the account is so marked already")
    if command.key_account:
        require_senior_owner(context)
    return (KeyAccountSet(key_account=command.key_account),)
