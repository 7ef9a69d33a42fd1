"""Connections that died behind our back, as after a restart of the database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.store import engine
from app.store.receipts import Receipt
from tests.store.writers import begin, sound
from tests.support.application import Steward
from tests.support.databases import Databases, superuser


@pytest.fixture
def steward(databases: Databases) -> Iterator[Steward]:
    """An application on PostgreSQL, with several connections at rest."""
    made = Steward(databases.fresh("postgresql"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: made.do(OpenAccount(name=f"{number}", currency="EUR")), range(20)))
    yield made
    made.close()


def cut_all(steward: Steward) -> int:
    """Ends all sessions of the application's database. Gives: how many there were."""
    url = superuser(steward.settings.database_url)
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(ended[0]) if ended else 0


def test_connections_that_died_while_they_rested_are_replaced_unseen(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_SECONDS", -1)

    assert cut_all(steward) > 0
    assert steward.runtime.log.head(steward.tenant) == 21

    assert cut_all(steward) > 0
    (receipt,) = steward.runtime.log.append(steward.tenant, [begin(steward, "after")])
    assert isinstance(receipt, Receipt)
    assert len(sound(steward)) == 22


def test_connections_that_died_in_use_cost_one_try_however_many_they_were(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_SECONDS", float("inf"))

    assert cut_all(steward) > 0
    (receipt,) = steward.runtime.committer.submit([begin(steward, "after")]).result(timeout=30)
    assert isinstance(receipt, Receipt)

    assert cut_all(steward) > 0
    with pytest.raises(Unavailable, match="store_unavailable"):
        steward.runtime.log.append(steward.tenant, [begin(steward, "not at once")])
    assert len(sound(steward)) == 22

    assert cut_all(steward) > 0
    with pytest.raises(Unavailable, match="store_unavailable"):
        steward.runtime.log.head(steward.tenant)
    assert steward.runtime.log.head(steward.tenant) == 22
