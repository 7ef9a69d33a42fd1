"""The account: opened, changed, closed and taken up again."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.account.commands import (
    CloseAccount,
    OpenAccount,
    RenameAccount,
    ReopenAccount,
    SetAccountOwner,
    SetAccountTier,
)
from app.domain.kernel.errors import Refused
from tests.domain.contract_factory import refusal
from tests.support.application import Steward

OPEN = OpenAccount(name="Northwind", currency="EUR", owner="maria", tier="gold")


def last(steward: Steward) -> dict[str, Any]:
    """The members of the last event."""
    return steward.runtime.log.after(steward.tenant, 0, 10_000)[-1].data


def test_an_account_is_opened_with_what_is_known_of_it(steward: Steward) -> None:
    receipt = steward.do(OpenAccount(name="Northwind", currency="EUR", industry="retail", external_ref="nw"))

    assert (receipt.version, [kind for _, kind, _ in receipt.events]) == (1, ["account.opened"])
    assert last(steward) == {
        "name": "Northwind", "currency": "EUR", "time_zone": "UTC", "industry": "retail", "external_ref": "nw"}  # fmt: skip
    assert steward.runtime.handler.resolve(steward.tenant, "account", "ref:nw") == receipt.id


def test_a_reference_belongs_to_one_account(steward: Steward) -> None:
    steward.do(OpenAccount(name="Northwind", currency="EUR", external_ref="nw"))

    assert (
        refusal(steward, OpenAccount(name="Other", currency="EUR", external_ref="nw")) == "Refused external_ref_taken"
    )


def test_another_owner_is_told_with_the_one_before(sqlite_steward: Steward) -> None:
    account = sqlite_steward.do(OPEN).id

    sqlite_steward.do(SetAccountOwner(owner="tom"), account=account)

    assert last(sqlite_steward) == {"owner": "tom", "previous": "maria"}


def test_a_tier_can_be_taken_away(sqlite_steward: Steward) -> None:
    account = sqlite_steward.do(OPEN).id

    sqlite_steward.do(SetAccountTier(tier=None), account=account)

    assert last(sqlite_steward) == {}
    assert sqlite_steward.runtime.handler.load(sqlite_steward.tenant, "account", account)[1].state.tier is None


def test_a_name_that_it_has_already_is_no_other_name(sqlite_steward: Steward) -> None:
    account = sqlite_steward.do(OPEN).id

    assert refusal(sqlite_steward, RenameAccount(name="Northwind"), account=account) == "Refused nothing_changes"


@pytest.mark.parametrize(
    "command",
    [RenameAccount(name="x"), SetAccountTier(tier="x"), SetAccountOwner(owner="x"), CloseAccount()],
    ids=lambda one: type(one).__name__,
)
def test_a_closed_account_is_left_alone(sqlite_steward: Steward, command: Any) -> None:
    account = sqlite_steward.do(OPEN).id
    sqlite_steward.do(CloseAccount(), account=account)

    assert refusal(sqlite_steward, command, account=account) == "Refused account_closed"


def test_only_a_closed_account_can_be_taken_up_again(sqlite_steward: Steward) -> None:
    account = sqlite_steward.do(OPEN).id
    assert refusal(sqlite_steward, ReopenAccount(), account=account) == "Refused account_open"

    sqlite_steward.do(CloseAccount(), account=account)
    sqlite_steward.do(ReopenAccount(), account=account)

    assert sqlite_steward.do(RenameAccount(name="x"), account=account).version == 4


@pytest.mark.parametrize(
    "members",
    [{"name": ""}, {"name": "x" * 201}, {"currency": "eur"}, {"currency": "EURO"}, {"time_zone": "Berlin"}, {"tier": ""},
     {"owner": 7}, {"external_ref": ""}, {"external_ref": "x" * 201}, {"status": "open"}],
)  # fmt: skip
def test_an_account_that_makes_no_sense_is_none(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenAccount(**{"name": "Northwind", "currency": "EUR", **members})


WALKS = st.lists(
    st.sampled_from([CloseAccount(), ReopenAccount(), SetAccountTier(tier="a"), SetAccountOwner(owner="b"),
                     RenameAccount(name="c"), RenameAccount(name="d")]), max_size=12)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WALKS)
def test_whatever_is_tried_the_view_shows_what_the_decisions_rest_on(sqlite_steward: Steward, walk: list[Any]) -> None:
    account = sqlite_steward.do(OPEN).id
    taken = 1

    for command in walk:
        state = sqlite_steward.runtime.handler.load(sqlite_steward.tenant, "account", account)[1].state
        try:
            taken = sqlite_steward.do(command, account=account).version
        except Refused:
            if isinstance(command, ReopenAccount):
                assert state.open
            else:
                assert not state.open or getattr(command, "name", None) == state.name

    state = sqlite_steward.runtime.handler.load(sqlite_steward.tenant, "account", account)[1].state
    row = next(row for row in sqlite_steward.rows("accounts") if row.account == account)
    assert (row.name, row.tier, row.owner, row.status == "open", row.version) == (
        state.name, state.tier, state.owner, state.open, taken)  # fmt: skip
