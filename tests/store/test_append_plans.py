"""An append: few statements whatever its size, each by index probes, on tables that nobody has ever analysed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from sqlalchemy import create_engine, event, insert, text

from app.store.append import AppendRequest
from app.store.receipts import Receipt
from app.store.tables import data_keys, receipts, refs
from app.store.vault import DataKey
from tests.store.writers import renaming
from tests.support.application import Steward
from tests.support.cluster import CITUS_BIN
from tests.support.databases import BACKENDS, Databases, owned

ACCOUNTS = 200
EACH = 25
Statement = tuple[str, Any]


class RecordingCursor(psycopg.Cursor[Any]):
    """A cursor that records its statements."""

    statements: list[Statement] = []

    def execute(self, query: Any, params: Any = None, **also: Any) -> "RecordingCursor":
        self.statements.append((str(query), params))
        return super().execute(query, params, **also)


class Listener:
    """A Steward whose appends are recorded. `statements`: the statements with their values."""

    def __init__(self, steward: Steward) -> None:
        self.application, self.database, self.statements = steward, steward.runtime.database, RecordingCursor.statements

    def listen(self, call: Callable[[], Any]) -> list[Statement]:
        """What a call says to the database."""

        def begin(connection: Any, *_rest: Any) -> None:
            if self.database.postgres:
                connection.cursor_factory = RecordingCursor
            else:
                connection.set_trace_callback(lambda statement: self.statements.append((statement, None)))

        def end(connection: Any, *_rest: Any) -> None:
            if self.database.postgres:
                connection.cursor_factory = psycopg.Cursor
            else:
                connection.set_trace_callback(None)

        self.statements.clear()
        event.listen(self.database.writer, "checkout", begin)
        event.listen(self.database.writer, "checkin", end)
        try:
            call()
        finally:
            event.remove(self.database.writer, "checkout", begin)
            event.remove(self.database.writer, "checkin", end)
        return [
            statement
            for statement in self.statements
            if statement[0].startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
        ]

    def reaches(self, statement: str, values: Any) -> list[tuple[str, set[str]]]:
        """How a statement reaches its tables: each by the columns that are probed, by none where it is scanned."""
        explain = "EXPLAIN (FORMAT JSON) " if self.database.postgres else "EXPLAIN QUERY PLAN "
        with self.database.write(self.application.tenant) as connection, self.database.bare(connection) as cursor:
            cursor.execute(explain + statement, *([values] if values is not None else []))
            rows = cursor.fetchall()
        return nodes(rows[0][0][0]["Plan"]) if self.database.postgres else steps(rows)


def nodes(plan: dict[str, Any]) -> list[tuple[str, set[str]]]:
    """The reads of a plan of PostgreSQL."""
    reads = [read for inner in plan.get("Plans", ()) for read in nodes(inner)]
    if "Relation Name" in plan and plan["Node Type"] not in ("ModifyTable", "LockRows"):
        condition = plan.get("Index Cond", "")
        reads.append((plan["Relation Name"], {name for name in COLUMNS if f"({name} = " in condition}))
    return reads


def steps(rows: list[Any]) -> list[tuple[str, set[str]]]:
    """The reads of a plan of SQLite; `k` is the list of keys that is bound."""
    reads = []
    for *_, detail in rows:
        match detail.split():
            case ["SEARCH", table, *_]:
                reads.append((table, {name for name in COLUMNS if f"{name}=?" in detail}))
            case ["SCAN", table, *_] if table not in ("k", "CONSTANT") and "VALUES" not in detail:
                reads.append((table, set()))
    return reads


COLUMNS = ("tenant_id", "key", "stream_id", "noun", "ref", "key_id", "event_id")


@pytest.fixture(scope="module", params=BACKENDS)
def listener(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Listener]:
    """A ledger of thousands of rows in every table, without statistics."""
    if request.param == "postgresql" and CITUS_BIN is not None:
        pytest.skip("on a cluster each node plans its part, and the coordinator shows none of it")
    url = databases.fresh(request.param)
    steward = Steward(url)
    owner = create_engine(owned(url)) if request.param == "postgresql" else steward.runtime.database.writer
    with owner.begin() as connection:
        if request.param == "postgresql":
            for table in ("events", "receipts", "refs", "data_keys", "ledgers"):
                connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
        for table, row in (
            (receipts, {"key": "key-{}", "fingerprint": b"", "response": "{}", "recorded_at": 0}),
            (refs, {"noun": "account", "ref": "ref-{}", "stream_id": "acct_{}"}),
            (data_keys, {"key_id": "stk_{}", "wrapped": b"", "created_at": 0}),
        ):
            of = [
                {name: value.format(n) if isinstance(value, str) else value for name, value in row.items()}
                for n in range(ACCOUNTS * EACH)
            ]
            connection.execute(insert(table), [{"tenant_id": steward.tenant, **one} for one in of])
    recorder = steward.runtime.log.recorder(steward.tenant)
    for number in range(ACCOUNTS):
        recorder.insert_events(
            [
                StoredEvent(f"acct_{number}", version, "account.renamed", b'{"data":{"name":"x"}}')
                for version in range(1, EACH + 1)
            ]
        )
    yield Listener(steward)
    steward.close()


def batch(listener: Listener, size: int, series: str) -> list[AppendRequest]:
    """Commands that need every kind of look-up."""
    steward, number = listener.application, iter(range(size))
    stored_event = steward.runtime.log.after(steward.tenant, 5, 1)[0].event_id
    return [
        replace(
            renaming(
                steward.runtime,
                steward.tenant,
                steward.runtime.new_id("acct"),
                1,
                f"{series}-{at}",
                claims=(("account", f"{series}-{at}"),),
            ),
            data_keys=(DataKey(f"stk_{series}_{at}", b"wrapped", shared=True),),
            depends_on=(stored_event,),
        )
        for at in number
    ]


def test_no_statement_of_an_append_reads_a_table_from_end_to_end(listener: Listener) -> None:
    steward = listener.application
    outcomes: list[Any] = []
    appends = batch(listener, 50, "plans")
    statements = listener.listen(lambda: outcomes.extend(steward.runtime.log.append(steward.tenant, appends)))

    reads = [read for statement, values in statements for read in listener.reaches(statement, values)]

    assert {type(outcome) for outcome in outcomes} == {Receipt}
    assert all("tenant_id" in columns for _, columns in reads), reads
    for read in (
        ("receipts", {"tenant_id", "key"}),
        ("refs", {"tenant_id", "noun", "ref"}),
        ("data_keys", {"tenant_id", "key_id"}),
        ("events", {"tenant_id", "stream_id"}),
        ("events", {"tenant_id", "event_id"}),
        ("ledgers", {"tenant_id"}),
    ):
        assert read in reads, reads


def test_there_are_no_statistics_here(listener: Listener) -> None:
    with listener.database.read(listener.application.tenant) as connection:
        if listener.database.postgres:
            count = connection.execute(text("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'"))
        else:
            count = connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name LIKE 'sqlite_stat%'"))
        assert count.scalar_one() == 0


def test_a_batch_is_as_many_statements_as_one_command_is(listener: Listener) -> None:
    steward = listener.application

    def statements(size: int, series: str) -> int:
        appends = batch(listener, size, series)
        return len(listener.listen(lambda: steward.runtime.log.append(steward.tenant, appends)))

    alone, many = statements(1, "alone"), statements(128, "many")
    assert alone == many <= 7


def test_keys_that_no_command_of_a_batch_has_are_not_looked_up(listener: Listener) -> None:
    steward = listener.application
    append = renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 1, "fresh")
    append = replace(append, request=replace(append.request, fresh=True))

    selects = " ".join(
        statement
        for statement, _ in listener.listen(lambda: steward.runtime.log.append(steward.tenant, [append]))
        if statement.startswith("SELECT")
    )

    assert "FROM events" in selects
    assert not any(table in selects for table in ("receipts", "refs", "data_keys"))
