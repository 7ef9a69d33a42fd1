"""P3: events of another system, a thousand a request."""

import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Table, select

from app.store.engine import Database
from app.store.tables import data_keys, events, receipts, refs
from bench.client import call, drive
from bench.ground import Ground, furnished
from bench.rows import Goal, Row, row
from bench.servers import steward

EACH: Final = 1000
CONNECTIONS: Final = 2
WRITTEN: Final = (events, receipts, refs, data_keys)
"""The tables that ingestion writes, but for the one row of the ledger's head."""
_GOALS: Final = {"sqlite": Goal(ours_from=20_000, ratio_from=0.25), "postgresql": Goal(ratio_from=0.25)}


def lines(accounts: tuple[str, ...], key: str, series: str, number: int) -> bytes:
    """The n-th request of a series: a thousand interactions on as many accounts, never the same twice."""
    body = "\n".join(
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"{series}-{number}-{at}",
                "source": "urn:example:crm",
                "type": "interaction.logged",
                "subject": accounts[at % len(accounts)],
                "time": "2026-01-15T09:00:00Z",
                "data": {
                    "channel": "call",
                    "direction": "inbound",
                    "occurred_at": "2026-01-15T09:00:00Z",
                    "topics": ["budget"],
                },
            }
        )
        for at in range(EACH)
    )
    return call("POST", "/v1/events", key, body.encode(), "application/x-ndjson")


def beside_inserts(ground: Ground, backend: str) -> list[Row]:
    """P3: our ingestion over HTTP beside a bare batched INSERT of the rows that it wrote."""
    house = furnished(ground, backend)
    ground.say("ours")
    with steward(ground.folder, house.url, projector=False) as real:
        requests = partial(lines, house.accounts, house.key, "p3")
        load = ground.aside(drive, real.port, requests, CONNECTIONS, ground.seconds / 2, 1.0)
    if load.failed or not load.done:
        raise RuntimeError(f"{load.failed} requests failed, the first with {load.first_fault}")
    ground.say("bare INSERT")
    bare = ground.aside(insert_bare, house.url, ground.databases.fresh(backend), house.tenant_id, ground.seconds / 2)
    work = f"POST /v1/events, {EACH:,} a request, {CONNECTIONS} connections, one worker"
    peer = f"batched INSERT of the same events and receipts, {EACH:,} a transaction, by the driver"
    ground.databases.drop(house.url)
    return [row(f"P3-{backend}", work, load.rate * EACH, "events/s", bare, peer, _GOALS[backend])]


def insert_bare(source: str, target: str, tenant_id: str, seconds: float) -> float:
    """Events a second when the rows of one database are inserted into another, as durably, by the driver alone."""
    batches = _batches(Database(source, owner=True), tenant_id)
    database = Database(target, owner=True)
    connection: Any = database.writer.raw_connection().driver_connection
    mark = "%s" if database.postgres else "?"
    statements = {table.name: _insert(table, mark) for table in WRITTEN}
    done, started = 0, time.perf_counter()
    for batch in batches:
        cursor = connection.cursor()
        cursor.execute("BEGIN" if database.postgres else "BEGIN IMMEDIATE")
        for table in WRITTEN:
            if batch[table.name]:
                cursor.executemany(statements[table.name], batch[table.name])
        cursor.execute("UPDATE ledgers SET head = head")
        cursor.execute("COMMIT")
        done += len(batch["events"])
        if time.perf_counter() - started > seconds:
            break
    return done / (time.perf_counter() - started)


def _insert(table: Table, mark: str) -> str:
    columns = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def _batches(database: Database, tenant_id: str) -> list[dict[str, Sequence[Any]]]:
    """What was written, a thousand events at a time with as many rows of the other tables as belong to them."""
    with database.administer() as connection:
        stored = {
            table.name: [
                tuple(found) for found in connection.execute(select(table).where(table.c.tenant_id == tenant_id)).all()
            ]
            for table in WRITTEN
        }
    database.close()
    count = -(-len(stored["events"]) // EACH)
    each = {name: -(-len(found) // count) for name, found in stored.items()}
    return [
        {name: found[at * each[name] : (at + 1) * each[name]] for name, found in stored.items()} for at in range(count)
    ]
