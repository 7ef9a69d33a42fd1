"""Tables of a distributed database: what is made later is distributed too, what is damaged is put right, each node is tried."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Refused
from app.read_side.node_checks import require_working_nodes, silent_nodes
from app.read_side.view_tables import create_tables
from app.store import citus
from app.store.engine import Database
from app.store.schema import migrate
from projections import VIEWS
from tests.cluster.conftest import prepared
from tests.support.application import Steward
from tests.support.cluster import Cluster

ACCOUNTS = next(view for view in VIEWS if view.name == "accounts")


@pytest.fixture(scope="module")
def name(cluster: Cluster) -> str:
    """A distributed database."""
    return prepared(cluster, "tables")


@pytest.fixture
def owner(cluster: Cluster, name: str) -> Iterator[Database]:
    """The database, opened as its owner."""
    made = Database(cluster.url(name), owner=True)
    yield made
    made.close()


@pytest.fixture
def steward(cluster: Cluster, name: str) -> Iterator[Steward]:
    """An application on it."""
    made = Steward(cluster.url(name), pool_size=4)
    yield made
    made.close()


def test_each_node_does_the_work_of_the_application_and_nothing_of_the_trial_stays(steward: Steward) -> None:
    tried = require_working_nodes(steward.runtime.log)

    assert len(tried) == 2
    assert sum(node.shards for node in tried) == 4
    assert silent_nodes(steward.runtime.database) == {}
    assert [tenant for tenant in steward.runtime.log.tenants() if tenant.startswith(citus.TRY_OUT)] == []


def test_a_table_that_is_made_later_is_distributed(owner: Database, steward: Steward) -> None:
    steward.do(OpenAccount(name="Alder", currency="EUR"))
    with owner.administer() as connection:
        connection.exec_driver_sql(f"DROP TABLE {ACCOUNTS.follower}")

    migrate(owner)
    create_tables(owner)

    query = """SELECT count(DISTINCT colocationid) = 1 AND count(*) = 2 FROM pg_dist_partition
        WHERE logicalrelid IN ('ledgers'::regclass, to_regclass(:name))"""
    with owner.administer() as connection:
        assert connection.execute(text(query), {"name": ACCOUNTS.follower}).scalar_one()
    steward.catch_up()
    assert [row.name for row in steward.rows("accounts")] == ["Alder"]


def test_a_rebuild_puts_damaged_missing_and_surplus_rows_right(owner: Database, steward: Steward) -> None:
    for account in ("Birch", "Cedar", "Dogwood"):
        steward.do(OpenAccount(name=account, currency="EUR"))
    steward.catch_up()
    before = sorted(row.name for row in steward.rows("accounts"))
    table, tenant = ACCOUNTS.follower, {"tenant": steward.tenant}
    with owner.administer() as connection:
        for statement in (
            f"UPDATE {table} SET name = 'damaged' WHERE tenant_id = :tenant AND name = 'Birch'",
            f"DELETE FROM {table} WHERE tenant_id = :tenant AND name = 'Cedar'",
            f"INSERT INTO {table} (tenant_id, account, name) VALUES (:tenant, 'acct_nobody', 'surplus')",
        ):
            connection.execute(text(statement), tenant)

    (repaired,) = steward.runtime.projector.rebuild_all(owner, steward.tenant, [ACCOUNTS])
    (compared,) = steward.runtime.projector.rebuild_all(owner, steward.tenant, [ACCOUNTS], verify=True)

    assert (repaired.missing, repaired.surplus, repaired.swapped) == (2, 2, True)
    assert compared.equal
    assert sorted(row.name for row in steward.rows("accounts")) == before


def test_a_server_may_use_any_node_and_the_owner_only_the_coordinator(cluster: Cluster, name: str) -> None:
    url = cluster.url(name, cluster.nodes[1])
    steward, owner = Steward(url, pool_size=4), Database(url, owner=True)

    steward.do(OpenAccount(name="Elm", currency="EUR"))
    steward.catch_up()
    names = [row.name for row in steward.rows("accounts")]
    with pytest.raises(Refused, match="not_coordinator"):
        migrate(owner)
    with pytest.raises(Refused, match="not_coordinator"):
        citus.distribute(owner, [])
    steward.close()
    owner.close()

    assert names == ["Elm"]


def test_the_rows_from_before_remain_on_the_coordinator_until_a_superuser_removes_them(cluster: Cluster) -> None:
    name = prepared(cluster, "before", distributed=False)
    steward, owner = Steward(cluster.url(name), pool_size=4), Database(cluster.url(name), owner=True)
    position = steward.do(OpenAccount(name="Fir", currency="EUR")).position

    citus.distribute(owner, [view.follower for view in VIEWS])
    with owner.administer() as connection:
        kept = citus.bytes_kept(connection)
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(f"SELECT truncate_local_data_after_distributing_table('{citus.KEPT}')")
    with owner.administer() as connection:
        left = citus.bytes_kept(connection)
    events = steward.runtime.log.after(steward.tenant, 0, 100)
    steward.close()
    owner.close()

    assert kept > 0
    assert left == 0
    assert [event.position for event in events] == list(range(1, position + 1))
