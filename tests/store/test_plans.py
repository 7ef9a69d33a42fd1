"""Hot statements on PostgreSQL take an index even while no table has statistics, as right after a load."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, create_engine, event, text

from app.read_side.view_writer import ViewWriter
from app.store import receipts
from app.store.positions import lock_followers
from app.store.rows import named
from projections import VIEWS
from tests.support.application import Steward
from tests.support.databases import Databases, owned

EVENTS = 20_000


class Watched:
    """An application on PostgreSQL that notes the SELECTs of a call and asks for their plans."""

    def __init__(self, steward: Steward) -> None:
        self.application = steward
        self.accounts = [f"acct_{number}" for number in range(200)]

    def plans(self, call: Callable[[], object]) -> dict[str, str]:
        """The plan of each SELECT that a call makes."""
        plans: dict[str, str] = {}

        def explain(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            if statement.startswith("SELECT") and statement not in plans:
                plans[statement] = ""
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plans[statement] = "\n".join(line for (line,) in rows)

        engine = self.application.runtime.database.writer
        event.listen(engine, "before_cursor_execute", explain)
        try:
            call()
        finally:
            event.remove(engine, "before_cursor_execute", explain)
        return plans


@pytest.fixture(scope="module")
def watched(databases: Databases) -> Iterator[Watched]:
    """A ledger and views that were filled at once and never analysed."""
    url = databases.fresh("postgresql")
    steward = Steward(url)
    owner = create_engine(owned(url))
    with owner.begin() as connection:
        for table in _tables(connection):
            connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
    watched = Watched(steward)
    recorder = steward.runtime.log.recorder(steward.tenant)
    each = EVENTS // len(watched.accounts)
    for account in watched.accounts:
        recorder.insert_events(
            [
                StoredEvent(account, version, "account.renamed", b'{"data":{"name":"x"}}')
                for version in range(1, each + 1)
            ]
        )
    with owner.begin() as connection:
        tenant = {"tenant": steward.tenant}
        for table, columns, values in (
            ("receipts", "key, fingerprint, response, recorded_at", "'key-' || n, '', '{}', 0"),
            ("refs", "noun, ref, stream_id", "'account', 'ref-' || n, 'acct_' || n"),
            ("data_keys", "key_id, wrapped, created_at", "'stk_' || n, '', 0"),
        ):
            connection.execute(
                text(
                    f"INSERT INTO {table} (tenant_id, {columns}) SELECT :tenant, {values} "
                    f"FROM generate_series(1, {EVENTS}) AS n"
                ),
                tenant,
            )
        for view in VIEWS:
            _fill(connection, view.table, steward.tenant)
    owner.dispose()
    yield watched
    steward.close()


def _tables(connection: Connection) -> list[str]:
    rows = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    return [name for (name,) in rows]


def _fill(connection: Connection, table: Any, tenant: str) -> None:
    keys = {
        column.name: f"'{column.name}-' || n" if column.type.python_type is str else "n"
        for column in table.primary_key
        if column.name != "tenant_id"
    }
    if "pos_to" in table.c:
        keys["pos_to"] = "9223372036854775807"
    connection.execute(
        text(
            f"INSERT INTO {table.name} (tenant_id, {named(keys)}) SELECT :tenant, {', '.join(keys.values())} "
            f"FROM generate_series(1, {EVENTS}) AS n"
        ),
        {"tenant": tenant},
    )


def assert_probed(plans: dict[str, str], **columns: str) -> None:
    """Each of the tables is reached by an index on this column, and none is read from end to end."""
    everything = "\n".join(plans.values())
    assert "Seq Scan" not in everything, everything
    for table, column in columns.items():
        plan = "\n".join(plan for plan in plans.values() if f" on {table} " in f"{plan} ")
        conditions = [line for line in plan.splitlines() if "Index Cond:" in line]
        assert any(re.search(rf"\b{column}\b", line) for line in conditions), f"{table}.{column}\n{everything}"


def test_no_table_has_statistics_here(watched: Watched) -> None:
    engine = create_engine(owned(watched.application.settings.database_url))
    with engine.connect() as connection:
        analysed = connection.execute(text("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'")).scalar_one()
        loaded = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
    engine.dispose()
    assert (analysed, loaded > EVENTS) == (0, True)


def test_receipts_are_looked_up_by_index(watched: Watched) -> None:
    steward = watched.application

    def look() -> None:
        with steward.runtime.database.read(steward.tenant) as connection:
            stored = receipts.find(connection, steward.runtime.database, steward.tenant, [])
            assert stored == {}

    assert_probed(watched.plans(look), receipts="key")


@pytest.mark.parametrize(
    ("filters", "column"),
    [
        ({}, "position"),
        ({"until": 19_000}, "position"),
        ({"types": ("account.renamed", "account.opened")}, "position"),
        ({"account_id": "acct_1"}, "account_id"),
        ({"stream_id": "acct_1"}, "stream_id"),
    ],
)
def test_the_log_is_read_by_index(watched: Watched, filters: dict[str, Any], column: str) -> None:
    steward = watched.application
    assert_probed(
        watched.plans(lambda: steward.runtime.log.after(steward.tenant, 10_000, 500, **filters)), events=column
    )


def test_a_stream_is_read_by_index(watched: Watched) -> None:
    steward = watched.application
    assert_probed(watched.plans(lambda: list(steward.runtime.log.stream(steward.tenant, "acct_7"))), events="stream_id")


def test_a_moment_is_found_by_index(watched: Watched) -> None:
    steward = watched.application
    plans = watched.plans(lambda: steward.runtime.log.position_at(steward.tenant, steward.clock()))
    assert_probed(plans, events="recorded_at")
    assert all("Limit" in plan for plan in plans.values())


def test_references_and_positions_are_found_by_index(watched: Watched) -> None:
    steward = watched.application

    def step() -> None:
        steward.runtime.log.resolve(steward.tenant, "account", "ref-77")
        steward.runtime.log.head(steward.tenant)
        with steward.runtime.database.write_views(steward.tenant) as connection:
            lock_followers(connection, steward.tenant, ["some_view_v1", "another_v1"], 0)

    assert_probed(watched.plans(step), refs="ref", ledgers="tenant_id", positions="follower")


@pytest.mark.parametrize("view", [view for view in VIEWS if not view.facts], ids=lambda view: view.name)
def test_rows_of_a_view_are_loaded_by_group_and_by_index(watched: Watched, view: Any) -> None:
    steward = watched.application

    def load() -> None:
        with steward.runtime.database.write_views(steward.tenant) as connection:
            grower = ViewWriter(
                steward.runtime.database,
                view,
                steward.tenant,
                steward.runtime.handler.zone(steward.tenant),
            )
            grower.load(connection, {f"{view.group}-{number}" for number in range(1, 500)})

    assert_probed(watched.plans(load), **{view.follower: view.group})
