"""A row of a view that cannot be read any more: its view stands still and says so, the others go on, and a rebuild replaces it."""

import json
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.cli.views import rebuild_each
from app.domain.account.commands import OpenAccount, RenameAccount
from app.domain.kernel.errors import Unavailable
from app.read_side import projector as projecting
from app.store.across import Heads
from app.store.engine import Database
from projections import VIEWS
from projections.views import accounts
from tests.support.application import Steward
from tests.support.databases import owned
from tests.support.views import BY_NAME, assert_views_are_right, projector, rebuilt


def open_account(steward: Steward, name: str) -> str:
    """A new account. Gives: its id."""
    return steward.do(OpenAccount(name=name, currency="EUR")).id


def damage(steward: Steward, account: str, damaged: str) -> None:
    """Writes into the row of an account what no fold has made."""
    with steward.runtime.database.write_views(steward.tenant) as connection:
        update = (
            f"UPDATE {accounts.VIEW.follower} SET stamps = :damaged WHERE tenant_id = :tenant AND account = :account"
        )
        connection.execute(text(update), {"damaged": damaged, "tenant": steward.tenant, "account": account})


@pytest.mark.parametrize("batch", [2000, 3])
def test_a_damaged_row_parks_its_view_by_name_and_no_other_until_a_rebuild_has_replaced_it(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(projecting, "BATCH", batch)
    damaged, sound = open_account(steward, "Damaged"), open_account(steward, "Sound")
    steward.catch_up()
    damage(steward, damaged, '"damaged"' if steward.runtime.database.postgres else "{damaged")
    steward.do(RenameAccount(name="Sound still"), account=sound)
    met = steward.do(RenameAccount(name="Met"), account=damaged).position
    for number in range(5):
        steward.do(RenameAccount(name=f"Later {number}"), account=sound)

    with capture_logs() as logs:
        head = steward.catch_up()
        steward.catch_up()

    follower = steward.runtime.projector
    assert follower.parked(steward.tenant) == {"accounts": (met, "JSONDecodeError")}
    assert follower.positions(steward.tenant) == dict.fromkeys(BY_NAME, head) | {"accounts": (met or 0) - 1}
    parked = {"event": "view_parked", "log_level": "error", "view": "accounts", "position": met}
    assert [log for log in logs if log["event"] == "view_parked"] == [
        parked | {"tenant_id": steward.tenant, "error": "JSONDecodeError"}
    ]

    compared, _ = rebuild_each(steward.runtime, Heads({steward.tenant: head}, {}), VIEWS, verify=False, workers=1)

    assert [comparison.view for comparison in compared if comparison.swapped] == ["accounts"]
    assert follower.parked(steward.tenant) == {}
    assert_views_are_right(steward)


def test_a_row_that_the_database_cannot_compare_is_replaced_unread(steward: Steward) -> None:
    account = open_account(steward, "Northwind")
    steward.catch_up()
    damage(steward, account, json.dumps({"name": "\0"}))  # JSON to the one database, and none to the other

    assert not rebuilt(steward, accounts.VIEW, verify=True).equal
    assert rebuilt(steward, accounts.VIEW, verify=False).swapped

    assert_views_are_right(steward)


def test_a_view_that_stands_still_is_tried_again_after_a_rebuild_even_if_its_rows_are_right(steward: Steward) -> None:
    account = open_account(steward, "Northwind")
    steward.catch_up()
    damage(steward, account, "[]")
    steward.do(RenameAccount(name="Fabrikam"), account=account)
    steward.catch_up()
    parked = steward.runtime.projector.parked(steward.tenant)
    damage(steward, account, "{}")  # somebody has mended the row, by hand

    rebuilt(steward, accounts.VIEW, verify=False)
    steward.catch_up()

    assert list(parked) == ["accounts"]
    assert_views_are_right(steward)


def test_a_view_whose_table_is_gone_stands_still_and_the_others_go_on(steward: Steward) -> None:
    open_account(steward, "Northwind")
    owner = Database(owned(steward.settings.database_url), owner=True)
    with owner.administer() as connection:
        connection.execute(text(f"DROP TABLE {accounts.VIEW.follower}"))
    owner.close()

    head = steward.catch_up()

    assert list(steward.runtime.projector.parked(steward.tenant)) == ["accounts"]
    positions = steward.runtime.projector.positions(steward.tenant)
    assert {name for name, at in positions.items() if at < head} == {"accounts"}


def test_who_asks_for_a_damaged_row_is_told_by_name(sqlite_steward: Steward) -> None:
    account = open_account(sqlite_steward, "Northwind")
    sqlite_steward.catch_up()
    damage(sqlite_steward, account, "{damaged")
    reader: Any = sqlite_steward.runtime.reader

    with pytest.raises(Unavailable) as refusal:
        reader.one(sqlite_steward.tenant, accounts.VIEW, account, reader.when(sqlite_steward.tenant))

    assert (refusal.value.code, "accounts" in refusal.value.detail) == ("view_damaged", True)
    assert projector(sqlite_steward).parked(sqlite_steward.tenant) == {}


def test_a_tenant_whose_log_is_broken_keeps_no_other_from_being_rebuilt(sqlite_steward: Steward) -> None:
    steward, whole = sqlite_steward, sqlite_steward.new_tenant("Other")
    open_account(steward, "Northwind")
    with steward.runtime.database.administer() as connection:
        connection.execute(text("DROP TRIGGER events_no_delete"))
        broken = "DELETE FROM events WHERE position = 1 AND tenant_id = :tenant"
        connection.execute(text(broken), {"tenant": steward.tenant})
    heads = {steward.tenant: 2, whole: steward.runtime.log.head(whole)}

    compared, failures = rebuild_each(steward.runtime, Heads(heads, {}), [accounts.VIEW], verify=True, workers=1)

    assert [comparison.tenant_id for comparison in compared] == [whole]
    assert failures == [f"{steward.tenant}: the log of {steward.tenant} has a gap behind 0"]
