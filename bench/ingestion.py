"""P3: events of another system, a thousand a request."""

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
from bench.environment import Furnished, Ground, furnished
from bench.interleaving import in_turns, middle
from bench.results import Goal, Row, row
from bench.servers import Served

EACH: Final = 1000
CONNECTIONS: Final = 2
WRITTEN: Final = (events, receipts, refs, data_keys)
"""The tables that ingestion writes, but for the one row of the ledger's head."""
_ENOUGH: Final = 100
"""How many batches the bare side needs at the most for a turn."""
_CORE: Final = {"sqlite": Goal(ours_from=20_000), "postgresql": Goal()}


@dataclass(frozen=True)
class Poured:
    """Events that went in. seconds: by the clock; cpu: processor time of the process that took them."""

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
    """P3: our ingestion over HTTP beside a bare batched INSERT of the rows that it wrote, a core and by the clock."""
    steward = furnished(ground, backend)
    with steward(ground.folder, steward.url, projector=False) as real:
        ground.aside(drive, real.port, partial(lines, steward.accounts, steward.key, "warm"), CONNECTIONS, 5.0, most=4)
        gave = in_turns(
            ground,
            {
                "ours": lambda turn, seconds: _pour(ground, steward, real, f"p{turn}", seconds),
                "bare INSERT": lambda _turn, seconds: _bare(ground, backend, steward, seconds),
            },
        )
    ground.databases.drop(steward.url)
    ours, bare = gave["ours"], gave["bare INSERT"]
    where = "" if backend == "sqlite" else ", the database's own processes left out"
    work = f"POST /v1/events, {EACH:,} a request, {CONNECTIONS} connections, one worker"
    peer = f"batched INSERT of the same events and receipts, {EACH:,} a transaction, by the driver"
    rate, rate_bare = (middle(side, lambda one: one.rate) for side in (ours, bare))
    core, core_bare = (middle(side, lambda one: one.core) for side in (ours, bare))
    cores = f"{middle(ours, lambda one: one.cores):.2f} cores busy{where}"
    return [
        row(f"P3-{backend}", f"{work}: {cores}", rate, "events/s", rate_bare, peer, Goal(ratio_from=0.25)),
        row(f"P3-{backend}-core", f"{work}, a second of the server's processor time: {cores}", core, "events/s a core",
            core_bare, f"{peer}, a second of its processor time", _CORE[backend]),
    ]  # fmt: skip


def _pour(ground: Ground, steward: Furnished, served: Served, series: str, seconds: float) -> Poured:
    requests = partial(lines, steward.accounts, steward.key, series)
    before = served.cpu()
    load = ground.aside(drive, served.port, requests, CONNECTIONS, seconds).whole()
    # Requests are big and few: those that were under way when the time was over count, with the time that they took.
    return Poured((load.done + load.late) * EACH, load.last, served.cpu() - before)


# --- the bare side ---


def _bare(ground: Ground, backend: str, steward: Furnished, seconds: float) -> Poured:
    target = ground.databases.fresh(backend)
    gave = ground.aside(insert_bare, steward.url, target, steward.tenant_id, seconds)
    ground.databases.drop(target)
    return gave


def insert_bare(source: str, target: str, tenant_id: str, seconds: float) -> Poured:
    """What goes in when the rows of one database are inserted into another, as durably, by the driver alone."""
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
    poured = Poured(done, time.perf_counter() - started, time.process_time() - cpu)
    connection.close()
    return poured


def _insert(table: Table, mark: str) -> str:
    columns = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def _batches(database: Database, tenant_id: str) -> list[dict[str, Sequence[Any]]]:
    """What was written, a thousand events at a time with as many rows of the other tables as belong to them."""
    with database.administer() as connection:
        stored = {
            table.name: [
                tuple(found)
                for found in connection.execute(
                    select(table).where(table.c.tenant_id == tenant_id).limit(_ENOUGH * EACH)
                )
            ]
            for table in WRITTEN
        }
    database.close()
    count = -(-len(stored["events"]) // EACH)
    each = {name: -(-len(found) // count) for name, found in stored.items()}
    return [
        {name: found[at * each[name] : (at + 1) * each[name]] for name, found in stored.items()} for at in range(count)
    ]
