"""Who works for an account besides its owner, and whether it is one of those that matter most."""

from app.domain.account.commands import AssignAccountMember, ReleaseAccountMember, SetAccountBackup, SetKeyAccount
from app.domain.account.decisions import require_open
from app.domain.account.events import AccountBackupSet, AccountMemberAssigned, AccountMemberReleased, KeyAccountSet
from app.domain.account.state import AccountState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event


def set_backup(state: AccountState, command: SetAccountBackup, _context: Context) -> tuple[Event, ...]:
    """Who stands in for the owner. Raises: Refused for who does so already."""
    require_open(state)
    if command.backup == state.backup:
        raise Refused("nothing_changes", "this is the backup of the account already")
    return (AccountBackupSet(backup=command.backup),)


def assign(state: AccountState, command: AssignAccountMember, _context: Context) -> tuple[Event, ...]:
    """Somebody more. Raises: Refused for who works for the account in this function already."""
    require_open(state)
    if (command.member, command.function) in state.members:
        raise Refused("account_member", "they work for the account in this function already")
    return (AccountMemberAssigned(member=command.member, function=command.function),)


def release(state: AccountState, command: ReleaseAccountMember, _context: Context) -> tuple[Event, ...]:
    """Somebody less. Raises: Refused for who does not work for the account in this function."""
    require_open(state)
    if (command.member, command.function) not in state.members:
        raise Refused("not_an_account_member", "they do not work for the account in this function")
    return (AccountMemberReleased(member=command.member, function=command.function),)


def set_key_account(state: AccountState, command: SetKeyAccount, _context: Context) -> tuple[Event, ...]:
    """Whether it is a key account. Raises: Refused where it is so already."""
    require_open(state)
    if command.key_account == state.key_account:
        raise Refused("nothing_changes", "the account is so marked already")
    return (KeyAccountSet(key_account=command.key_account),)
