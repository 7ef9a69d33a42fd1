"""Who works for an account besides its owner, and which accounts matter most."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.account.commands import (
    AssignAccountMember,
    OpenAccount,
    ReleaseAccountMember,
    SetAccountBackup,
    SetKeyAccount,
)
from app.domain.account.events import (
    AccountBackupSet,
    AccountClosed,
    AccountMemberAssigned,
    AccountMemberReleased,
    AccountOpened,
    KeyAccountSet,
)
from tests.domain.scenario import given
from tests.support.application import Steward

OPENED = AccountOpened(name="Northwind", currency="EUR", time_zone="UTC", owner="maria")
NOAH = AccountMemberAssigned(member="noah", function="coordinator")


def test_somebody_stands_in_for_the_owner_until_nobody_does() -> None:
    given(OPENED).when(SetAccountBackup(backup="jonas")).then(AccountBackupSet(backup="jonas"))
    given(OPENED, AccountBackupSet(backup="jonas")).when(SetAccountBackup(backup=None)).then(
        AccountBackupSet(backup=None)
    )


def test_the_backup_that_it_has_is_no_new_one() -> None:
    given(OPENED, AccountBackupSet(backup="jonas")).when(SetAccountBackup(backup="jonas")).refused("nothing_changes")
    given(OPENED).when(SetAccountBackup(backup=None)).refused("nothing_changes")


def test_somebody_works_for_an_account_in_two_functions_but_in_none_twice() -> None:
    given(OPENED, NOAH).when(AssignAccountMember(member="noah", function="finance")).then(
        AccountMemberAssigned(member="noah", function="finance")
    )
    given(OPENED, NOAH).when(AssignAccountMember(member="noah", function="coordinator")).refused("account_member")


def test_only_who_works_for_an_account_in_a_function_can_be_released_from_it() -> None:
    released = AccountMemberReleased(member="noah", function="coordinator")

    given(OPENED, NOAH).when(ReleaseAccountMember(member="noah", function="coordinator")).then(released)
    for command in (
        ReleaseAccountMember(member="noah", function="finance"),
        ReleaseAccountMember(member="ida", function="coordinator"),
    ):
        given(OPENED, NOAH).when(command).refused("not_an_account_member")
    assert given(OPENED, NOAH, released).state.members == frozenset()


def test_a_key_account_is_marked_once_and_unmarked_again() -> None:
    given(OPENED).when(SetKeyAccount(key_account=True)).then(KeyAccountSet(key_account=True))
    given(OPENED, KeyAccountSet(key_account=True)).when(SetKeyAccount(key_account=True)).refused("nothing_changes")
    given(OPENED, KeyAccountSet(key_account=True)).when(SetKeyAccount(key_account=False)).then(
        KeyAccountSet(key_account=False)
    )


@pytest.mark.parametrize(
    "command",
    [SetAccountBackup(backup="x"), AssignAccountMember(member="x", function="sales"), SetKeyAccount(key_account=True),
     ReleaseAccountMember(member="noah", function="coordinator")],
    ids=lambda command: type(command).__name__,
)  # fmt: skip
def test_a_closed_account_gets_nobody_and_loses_nobody(command: Any) -> None:
    given(OPENED, NOAH, AccountClosed()).when(command).refused("account_closed")


def test_a_function_is_one_of_the_vocabulary() -> None:
    with pytest.raises(ValidationError):
        AssignAccountMember.model_validate({"member": "noah", "function": "auditor"})


def test_an_assignment_told_late_does_not_overrule_what_came_after_it(steward: Steward) -> None:
    account = steward.do(OpenAccount(name="A", currency="EUR", effective_at="2026-01-01")).id
    noah: dict[str, Any] = {"member": "noah", "function": "coordinator"}
    steward.do(AssignAccountMember(effective_at="2026-02-01", **noah), account=account)
    steward.do(ReleaseAccountMember(effective_at="2026-04-01", **noah), account=account)
    steward.do(AssignAccountMember(effective_at="2026-03-01", **noah), account=account)

    steward.catch_up()

    (row,) = steward.rows("accounts")
    assert row.members == []
