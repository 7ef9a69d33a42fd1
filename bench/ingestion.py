"""P3: ingestion of another system's events, a thousand a request."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Table, select

from app.store.engine import Database
from app.store.tables import data_keys, events, receipts, refs
from bench.client import call, drive
from bench.environment import Environment, WritableTenant, new_writable_tenant
from bench.interleaving import interleaved, median_of
from bench.results import Goal, Result, compare
from bench.servers import Served, steward

EACH: Final = 1000
CONNECTIONS: Final = 2
WRITTEN: Final = (events, receipts, refs, data_keys)
"""The tables that ingestion writes, except for the one row with the ledger's head."""
_MOST_BATCHES: Final = 100
"""The largest number of batches that the bare side needs for a turn."""
_CORE: Final = {"sqlite": Goal(ours_from=20_000), "postgresql": Goal()}


@dataclass(frozen=True)
class Ingested:
    """Events that were stored. seconds: by the clock; cpu: processor time of the process that stored them."""

    events: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Events a second by the clock."""
        return self.events / self.seconds

    @property
    def core(self) -> float:
        """Events a second of processor time."""
        return self.events / self.cpu

    @property
    def cores(self) -> float:
        """How many cores were busy."""
        return self.cpu / self.seconds


def lines(accounts: tuple[str, ...], key: str, series: str, number: int) -> bytes:
    """The n-th request of a series: a thousand interactions on as many accounts. No event comes twice."""
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


def beside_inserts(environment: Environment, backend: str) -> list[Result]:
    """P3: ingestion over HTTP beside a bare batched INSERT of the rows that it wrote, by processor time and by the clock."""
    tenant = new_writable_tenant(environment, backend)
    with steward(environment.folder, tenant.url, projector=False) as real:
        environment.run_in_process(
            drive, real.port, partial(lines, tenant.accounts, tenant.key, "warm"), CONNECTIONS, 5.0, most=4
        )
        by_side = interleaved(
            environment,
            {
                "ours": lambda turn, seconds: _ingest(environment, tenant, real, f"p{turn}", seconds),
                "bare INSERT": lambda _turn, seconds: _bare(environment, backend, tenant, seconds),
            },
        )
    environment.databases.drop(tenant.url)
    ours, bare = by_side["ours"], by_side["bare INSERT"]
    where = "" if backend == "sqlite" else ", the database's own processes left out"
    work = f"POST /v1/events, {EACH:,} a request, {CONNECTIONS} connections, one worker"
    peer = f"batched INSERT of the same events and receipts, {EACH:,} a transaction, by the driver"
    rate, rate_bare = (median_of(side, lambda turn: turn.rate) for side in (ours, bare))
    core, core_bare = (median_of(side, lambda turn: turn.core) for side in (ours, bare))
    cores = f"{median_of(ours, lambda turn: turn.cores):.2f} cores busy{where}"
    return [
        compare(f"P3-{backend}", f"{work}: {cores}", rate, "events/s", rate_bare, peer, Goal(ratio_from=0.25)),
        compare(f"P3-{backend}-core", f"{work}, a second of the server's processor time: {cores}", core, "events/s a core",
            core_bare, f"{peer}, a second of its processor time", _CORE[backend]),
    ]  # fmt: skip


def _ingest(environment: Environment, tenant: WritableTenant, served: Served, series: str, seconds: float) -> Ingested:
    requests = partial(lines, tenant.accounts, tenant.key, series)
    before = served.cpu()
    load = environment.run_in_process(drive, served.port, requests, CONNECTIONS, seconds).checked()
    # Requests are big and few. Those in flight at the end of the time count, with the time that they took.
    return Ingested((load.done + load.late) * EACH, load.last, served.cpu() - before)


# --- the bare side ---


def _bare(environment: Environment, backend: str, tenant: WritableTenant, seconds: float) -> Ingested:
    target = environment.databases.fresh(backend)
    ingested = environment.run_in_process(insert_bare, tenant.url, target, tenant.tenant_id, seconds)
    environment.databases.drop(target)
    return ingested


def insert_bare(source: str, target: str, tenant_id: str, seconds: float) -> Ingested:
    """Inserts the rows of one database into another with the driver alone, equally durable. Gives: how many events, in what time."""
    batches = _batches(Database(source, owner=True), tenant_id)
    database = Database(target, owner=True)
    connection: Any = database.writer.raw_connection().driver_connection
    mark = "%s" if database.postgres else "?"
    statements = {table.name: _insert(table, mark) for table in WRITTEN}
    done, started, cpu = 0, time.perf_counter(), time.process_time()
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
    ingested = Ingested(done, time.perf_counter() - started, time.process_time() - cpu)
    connection.close()
    return ingested


def _insert(table: Table, mark: str) -> str:
    columns = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def _batches(database: Database, tenant_id: str) -> list[dict[str, Sequence[Any]]]:
    """The rows of each table in batches: a thousand events, and the matching share of the other tables' rows."""
    with database.administer() as connection:
        stored = {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(table).where(table.c.tenant_id == tenant_id).limit(_MOST_BATCHES * EACH)
                )
            ]
            for table in WRITTEN
        }
    database.close()
    count = -(-len(stored["events"]) // EACH)
    each = {name: -(-len(rows) // count) for name, rows in stored.items()}
    return [
        {name: rows[at * each[name] : (at + 1) * each[name]] for name, rows in stored.items()} for at in range(count)
    ]
