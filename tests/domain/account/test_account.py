"""The account: opened, changed, closed and reopened."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import ValidationError

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
from app.domain.kernel.errors import Refused
from tests.domain.scenario import given
from tests.support.application import Steward
from tests.support.campaigns import examples

OPENED = AccountOpened(name="Northwind", currency="EUR", time_zone="UTC", owner="maria", tier="gold")


def test_an_account_is_opened_with_what_is_known_of_it() -> None:
    command = OpenAccount(name="Northwind", currency="EUR", industry="retail", country="SE", external_ref="nw")

    given().when(command).then(
        AccountOpened(
            name="Northwind", currency="EUR", time_zone="UTC", industry="retail", country="SE", external_ref="nw"
        )
    )


def test_another_owner_is_recorded_with_the_one_before() -> None:
    given(OPENED).when(SetAccountOwner(owner="tom")).then(AccountOwnerSet(owner="tom", previous="maria"))


def test_a_tier_can_be_taken_away() -> None:
    given(OPENED).when(SetAccountTier(tier=None)).then(AccountTierSet(tier=None))
    assert given(OPENED, AccountTierSet(tier=None)).state.tier is None


def test_a_seat_can_be_moved_and_unknown_again() -> None:
    given(OPENED).when(SetAccountCountry(country="CH")).then(AccountCountrySet(country="CH"))
    given(OPENED).when(SetAccountCountry(country=None)).then(AccountCountrySet(country=None))


def test_the_name_that_it_has_is_no_new_name() -> None:
    given(OPENED).when(RenameAccount(name="Northwind")).refused("nothing_changes")


@pytest.mark.parametrize(
    "command",
    [
        RenameAccount(name="x"),
        SetAccountTier(tier="x"),
        SetAccountOwner(owner="x"),
        SetAccountCountry(country="FR"),
        CloseAccount(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_closed_account_does_not_change(command: Any) -> None:
    given(OPENED, AccountClosed()).when(command).refused("account_closed")


def test_only_a_closed_account_can_be_reopened() -> None:
    given(OPENED).when(ReopenAccount()).refused("account_open")
    given(OPENED, AccountClosed()).when(ReopenAccount()).then(AccountReopened())
    given(OPENED, AccountClosed(), AccountReopened()).when(RenameAccount(name="x")).then(AccountRenamed(name="x"))


@pytest.mark.parametrize(
    "members",
    [{"name": ""}, {"name": "x" * 201}, {"currency": "eur"}, {"currency": "EURO"}, {"time_zone": "Berlin"}, {"tier": ""},
     {"owner": 7}, {"country": "EU"}, {"external_ref": ""}, {"external_ref": "x" * 201}, {"status": "open"}],
)  # fmt: skip
def test_an_account_that_makes_no_sense_is_none(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenAccount(**{"name": "Northwind", "currency": "EUR", **members})


WALKS = st.lists(
    st.sampled_from([CloseAccount(), ReopenAccount(), SetAccountTier(tier="a"), SetAccountOwner(owner="b"),
                     RenameAccount(name="c"), RenameAccount(name="d")]), max_size=12)  # fmt: skip


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(WALKS)
def test_whatever_is_tried_the_view_shows_what_the_decisions_rest_on(sqlite_steward: Steward, walk: list[Any]) -> None:
    account = sqlite_steward.do(OpenAccount(name="Northwind", currency="EUR", owner="maria", tier="gold")).id
    version = 1

    for command in walk:
        state = sqlite_steward.state("account", account)
        try:
            version = sqlite_steward.do(command, account=account).version
        except Refused:
            if isinstance(command, ReopenAccount):
                assert state.open
            else:
                assert not state.open or getattr(command, "name", None) == state.name

    state = sqlite_steward.state("account", account)
    row = next(row for row in sqlite_steward.rows("accounts") if row.account == account)
    assert (row.name, row.tier, row.owner, row.status == "open", row.version) == (
        state.name, state.tier, state.owner, state.open, version)  # fmt: skip
