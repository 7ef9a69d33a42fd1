"""Regressions: three things that once were slow, measured so that their return shows. Source: section 2 of the design.

A batch on a table without statistics, a batch beside a busy event loop, and endpoints that are plain functions.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, Final

import uvloop
from sqlalchemy import text

from app.bootstrap import build
from app.domain.interaction.events import InteractionLogged
from app.runtime import Runtime
from app.store.append import AppendRequest
from app.store.engine import Database
from app.store.new_event import NewEvent
from app.store.receipts import Receipt, Request
from bench.client import Load, call, drive
from bench.commands import BODY, CONNECTIONS
from bench.environment import Environment, WritableTenant, new_tenant, new_writable_tenant, settings_of
from bench.generate import append_all
from bench.interleaving import interleaved, median_of
from bench.results import Goal, Result, compare
from bench.servers import empty

BATCH: Final = 256
FILLED: Final = 200_000
"""The number of events in the log without statistics."""
UNDER_LOAD: Final = 32
"""The number of commands that share a transaction when a server is busy."""
REPEATS: Final = 25
_LOCK: Final = 2
"""How many times longer a batch may take than the smallest transaction."""
_TASKS: Final = 64
"""The number of requests that a busy loop handles at a time."""


def batches(
    runtime: Runtime, tenant_id: str, accounts: tuple[str, ...], size: int, count: int
) -> list[list[AppendRequest]]:
    """Batches of interactions on accounts, ready to be appended. Each has an idempotency key and expects a version of its account."""
    versions = {
        account: max(event.version for event in runtime.log.stream(tenant_id, account)) for account in accounts[:size]
    }
    return [
        [_interaction(runtime, tenant_id, account, versions[account])
         for account in (accounts[at % len(versions)] for at in range(size))]
        for _ in range(count)
    ]  # fmt: skip


def _interaction(runtime: Runtime, tenant_id: str, account: str, version: int) -> AppendRequest:
    event = InteractionLogged(account=account, channel="call", direction="inbound", occurred_at="2026-01-15T09:00:00Z")
    stream, event_id = runtime.new_id("int"), runtime.new_id("evt")
    return runtime.log.prepare(
        tenant_id,
        stream,
        [NewEvent(event, event_id, stream, 1, account, runtime.clock())],
        actor="key_bench",
        meta={"visibility": "internal"},
        reason=None,
        expects={stream: 0, account: version},
        request=Request(f"bench:{event_id}", event_id.encode()),
    )


def _appended(runtime: Runtime, tenant_id: str, batch: list[AppendRequest]) -> float:
    started = time.perf_counter()
    outcomes = runtime.log.append(tenant_id, batch)
    took = time.perf_counter() - started
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Receipt)]
    if refused:
        raise refused[0]
    return took * 1000


# --- statistics ---


def without_statistics(environment: Environment) -> list[Result]:
    """A batch on PostgreSQL before and after ANALYZE: look-ups must need no statistics."""
    url, events = environment.databases.fresh("postgresql"), max(1000, int(FILLED * environment.scale))
    _disable_autovacuum(url)
    runtime = build(settings_of(url))
    try:
        tenant_id, _ = new_tenant(runtime)
        environment.say(f"writing {events:,} events without statistics")
        accounts = tuple(append_all(runtime, url, tenant_id, max(10, BATCH, events // 100), events))
    finally:
        runtime.close()
    if _analysed(url):
        raise RuntimeError("the table has statistics already")
    environment.say("appending without statistics")
    before = environment.run_in_process(batch_alone, url, tenant_id, accounts)
    _execute(url, "ANALYZE")
    environment.say("appending with statistics")
    after = environment.run_in_process(batch_alone, url, tenant_id, accounts)
    environment.databases.drop(url)
    work = f"a batch of {BATCH} appends on PostgreSQL tables of {events:,} events that were never analysed, median"
    return [compare("regression-statistics", work, before, "ms", after, "the same after ANALYZE", Goal(ratio_to=1.5))]


def batch_alone(url: str, tenant_id: str, accounts: tuple[str, ...]) -> float:
    """Milliseconds of a batch on a new connection, without the cached plans of another one."""
    runtime = build(settings_of(url))
    try:
        ready = batches(runtime, tenant_id, accounts, BATCH, REPEATS + 5)
        return median([_appended(runtime, tenant_id, batch) for batch in ready][5:])
    finally:
        runtime.close()


def _disable_autovacuum(url: str) -> None:
    """Disables autovacuum, which also analyses, on all tables."""
    database = Database(url, owner=True)
    with database.administer() as connection:
        for name in connection.dialect.get_table_names(connection):
            connection.exec_driver_sql(f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
    database.close()


def _analysed(url: str) -> bool:
    database = Database(url, owner=True)
    with database.administer() as connection:
        has_statistics = connection.execute(
            text("SELECT count(*) FROM pg_stats WHERE tablename = 'events'")
        ).scalar_one()
    database.close()
    return bool(has_statistics)


def _execute(url: str, statement: str) -> None:
    database = Database(url, owner=True)
    with database.administer() as connection:
        connection.exec_driver_sql(statement)
    database.close()


# --- the interpreter's lock ---


def beside_busy_loop(environment: Environment, backend: str) -> list[Result]:
    """A batch beside a busy event loop of the same process, compared with the smallest transaction beside the same loop.

    Each wait for the disk or the network releases the interpreter's lock and must wait to get it back. The cost of a batch
    beside a busy loop is therefore the number of its waits.
    """
    tenant = new_writable_tenant(environment, backend)
    ours, bare, alone = environment.run_in_process(under_the_lock, tenant)
    environment.databases.drop(tenant.url)
    work = f"a batch of {UNDER_LOAD} appends beside an event loop with {_TASKS} requests in flight, {backend}, median"
    peer = "BEGIN, one INSERT and COMMIT by the driver, beside the same loop"
    id_ = f"regression-interpreter-lock-{backend}"
    return [
        compare(id_, work, ours, "ms", bare, peer, Goal(ratio_to=_LOCK)),
        compare(f"{id_}-alone", work, ours, "ms", alone, "the same with nothing beside it", Goal()),
    ]


def under_the_lock(tenant: WritableTenant) -> tuple[float, float, float]:
    """Milliseconds of a batch and of a bare transaction, both beside a busy loop, and of a batch alone. The three take turns."""
    runtime = build(settings_of(tenant.url))
    database = Database(tenant.url, owner=True)
    connection: Any = database.writer.raw_connection().driver_connection
    connection.execute("CREATE TABLE bare (n integer)")
    try:
        ready = iter(batches(runtime, tenant.tenant_id, tenant.accounts, UNDER_LOAD, 2 * REPEATS + 2))
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda: _appended(runtime, tenant.tenant_id, next(ready)),
            "bare": lambda: _bare(connection),
        }
        for _ in range(2):
            sides["ours"]()
        took: dict[str, list[float]] = {"ours": [], "bare": [], "alone": []}
        for _ in range(REPEATS):
            took["alone"].append(sides["ours"]())
            for name, side in sides.items():
                took[name].append(uvloop.run(_beside_busy_tasks(side)))
        return median(took["ours"]), median(took["bare"]), median(took["alone"])
    finally:
        connection.close()
        runtime.close()


def _bare(connection: Any) -> float:
    started = time.perf_counter()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO bare VALUES (1)")
    connection.execute("COMMIT")
    return (time.perf_counter() - started) * 1000


async def _beside_busy_tasks(work: Callable[[], float]) -> float:
    """Runs a function in a thread while the loop handles requests without a pause."""
    ended = threading.Event()
    tasks = [asyncio.create_task(_busy(ended)) for _ in range(_TASKS)]
    await asyncio.sleep(0)
    try:
        return await asyncio.to_thread(work)
    finally:
        ended.set()
        await asyncio.gather(*tasks)


async def _busy(ended: threading.Event) -> None:
    """Simulates requests: about a tenth of a millisecond of Python each, then the next task's turn."""
    while not ended.is_set():
        for _ in range(10):
            json.loads(BODY)
        await asyncio.sleep(0)


# --- endpoints ---


def plain_functions(environment: Environment) -> list[Result]:
    """`async def` endpoints beside plain functions, which FastAPI runs in threads. The result is why commands are `async def`."""
    with empty(environment.folder) as bare:
        sides = {
            "async def": partial(_posted_load, environment, bare.port, "/v1/accounts/a/interactions"),
            "def": partial(_posted_load, environment, bare.port, "/v1/threads/a/interactions"),
        }
        by_side = interleaved(environment, sides)
    ours, peer = (median_of(by_side[name], lambda load: load.rate) for name in ("async def", "def"))
    work = f"an empty endpoint that is `async def`, as all command endpoints are, {CONNECTIONS} connections"
    return [
        compare(
            "regression-def-endpoints",
            work,
            ours,
            "requests/s",
            peer,
            "the same as a plain `def`",
            Goal(ratio_from=1.25),
        )
    ]


def _posted_load(environment: Environment, port: int, path: str, _turn: int, seconds: float) -> Load:
    return environment.run_in_process(drive, port, partial(_post_request, path), CONNECTIONS, seconds, 0.3).checked()


def _post_request(path: str, _number: int) -> bytes:
    return call("POST", path, "", BODY)
