"""Nodes of a distributed database, with one PostgreSQL in the place of all: each is worked on, and asked, as the application does it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.domain.kernel.errors import Refused, Unavailable
from app.read_side.node_checks import require_working_nodes, silent_nodes
from app.store import citus
from app.store.citus import Node
from app.store.engine import Database
from app.store.tables import TENANT_TABLES
from projections import VIEWS
from projections.views.accounts import VIEW as ACCOUNTS
from tests.support.application import Steward
from tests.support.databases import Databases, owned

ONE, OTHER = Node("one:5432", 16, "tnt_tryout1"), Node("other:5432", 16, "tnt_tryout7")
FAILS_FOR = """CREATE POLICY fails ON {table} AS RESTRICTIVE
    USING (CASE WHEN steward_tenant() = '{tenant}' THEN 1 / (length(steward_tenant()) - 11) > 0 ELSE true END)"""


@pytest.fixture
def steward(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steward]:
    """An application on PostgreSQL that takes it for two nodes."""
    made = Steward(databases.fresh("postgresql"), pool_size=2)
    monkeypatch.setattr(citus, "nodes", lambda _connection: [ONE, OTHER])
    yield made
    made.close()


def fail(steward: Steward, table: str, *nodes: Node) -> None:
    """Lets every statement on a table fail for the tenants of some nodes."""
    owner = Database(owned(steward.settings.database_url), owner=True)
    with owner.administer() as connection:
        for number, node in enumerate(nodes):
            statement = FAILS_FOR.format(table=table, tenant=node.try_out).replace("fails", f"fails_{number}")
            connection.exec_driver_sql(statement)
            connection.execute(text("INSERT INTO ledgers VALUES (:tenant, 0, 0)"), {"tenant": node.try_out})
    owner.close()


def test_a_trial_of_each_node_leaves_nothing(steward: Steward) -> None:
    log = steward.runtime.log

    tried = require_working_nodes(log)

    assert tried == [ONE, OTHER]
    for node in tried:
        with log.database.read(node.try_out) as connection:
            for table in [*(one.name for one in TENANT_TABLES), *(view.follower for view in VIEWS)]:
                assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0, table


@pytest.mark.parametrize(
    "table", ["ledgers", "events", "receipts", "refs", "data_keys", "positions", ACCOUNTS.follower]
)
def test_a_node_that_does_not_do_its_work_is_refused_by_name(steward: Steward, table: str) -> None:
    fail(steward, table, OTHER)

    with pytest.raises(Refused, match=r"node_unfit.*other:5432.*division by zero"):
        require_working_nodes(steward.runtime.log)


def test_a_node_that_does_not_answer_is_named_and_the_others_are_not(steward: Steward) -> None:
    assert silent_nodes(steward.runtime.database) == {}
    fail(steward, "ledgers", OTHER)

    assert silent_nodes(steward.runtime.database) == {"other:5432": "store_unavailable"}


def test_a_database_none_of_whose_nodes_answers_is_away(steward: Steward) -> None:
    fail(steward, "ledgers", ONE, OTHER)

    with pytest.raises(Unavailable, match=r"nodes_away.*one:5432, other:5432"):
        silent_nodes(steward.runtime.database)
