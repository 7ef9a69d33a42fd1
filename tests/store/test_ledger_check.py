"""A ledger is read from end to end: what was changed, removed, doubled or moved is found at its first position."""

from typing import Any

import pytest

from app.domain.account.commands import OpenAccount, RenameAccount
from app.store.ledger_check import LedgerCheck, check_ledger
from tests.support.application import Steward
from tests.support.forgery import forge


def written(steward: Steward, renamed: int = 4) -> int:
    """A ledger with some events. Gives: its head."""
    account = steward.do(OpenAccount(name="Northwind", currency="EUR")).id
    for number in range(renamed):
        steward.do(RenameAccount(name=f"Northwind {number}"), account=account)
    return steward.runtime.log.head(steward.tenant)


def test_a_ledger_that_nobody_touched_is_whole(steward: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.ledger_check.PAGE", 2)
    head, read = written(steward), []

    assert check_ledger(steward.runtime.database, steward.tenant, read.append) == LedgerCheck(steward.tenant, head)
    assert sum(read) == head


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("actor", "usr_forged", "is not the one that was written"),
        ("version", 9, "is not the one that was written"),
        ("body", b"{}", "is not the one that was written"),
        (None, None, "there is no event at position"),
    ],
)
def test_what_was_changed_or_removed_is_found_at_its_position(
    steward: Steward, column: str | None, value: Any, says: str
) -> None:
    written(steward)

    forge(steward.settings.database_url, steward.tenant, 4, column, value)
    found = check_ledger(steward.runtime.database, steward.tenant)

    assert found.position == 4
    assert says in str(found.detail)


def test_events_that_are_missing_at_the_end_are_found(steward: Steward) -> None:
    head = written(steward)

    forge(steward.settings.database_url, steward.tenant, head, None, None)
    found = check_ledger(steward.runtime.database, steward.tenant)

    assert (found.position, found.detail) == (
        head,
        f"the events end at position {head - 1}, and the ledger says {head}",
    )


def test_what_stands_beyond_the_head_is_found_though_its_leaf_fits(steward: Steward) -> None:
    head = written(steward)

    forge(steward.settings.database_url, steward.tenant, head - 2, "head", None)
    found = check_ledger(steward.runtime.database, steward.tenant)

    assert found.position == head - 1


def test_one_tenants_damage_is_not_anothers(steward: Steward) -> None:
    written(steward)
    other = steward.new_tenant("Other")

    forge(steward.settings.database_url, steward.tenant, 2, "actor", "usr_forged")

    assert check_ledger(steward.runtime.database, other).position is None
