"""Pitfalls: what once cost a lot, measured so that its return would show. Source: section 2 of the design.

A batch on a table that was never analysed, a batch beside a busy event loop, and endpoints that are plain functions.
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
from bench.environment import Furnished, Ground, furnished, new_tenant, settings_of
from bench.generate import append_all
from bench.interleaving import in_turns, middle
from bench.results import Goal, Row, row
from bench.servers import empty

BATCH: Final = 256
FILLED: Final = 200_000
"""Events in the log that has no statistics."""
UNDER_LOAD: Final = 32
"""Commands that share a transaction when a server is busy."""
REPEATS: Final = 25
_LOCK: Final = 2
"""How many times longer a batch may take than the least that a transaction can be."""
_TASKS: Final = 64
"""As many requests as a busy loop has in hand at a time."""


def batches(
    runtime: Runtime, tenant_id: str, accounts: tuple[str, ...], size: int, count: int
) -> list[list[AppendRequest]]:
    """Interactions on accounts, ready to be appended; each has a key of its own and a version that it rests on."""
    versions = {
        account: max(one.version for one in runtime.log.stream(tenant_id, account)) for account in accounts[:size]
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


def without_statistics(ground: Ground) -> list[Row]:
    """A batch on PostgreSQL before anybody analysed the tables, beside the same one afterwards: probes need no statistics."""
    url, events = ground.databases.fresh("postgresql"), max(1000, int(FILLED * ground.scale))
    _unattended(url)
    runtime = build(settings_of(url))
    try:
        tenant_id, _ = new_tenant(runtime)
        ground.say(f"writing {events:,} events that nobody analyses")
        accounts = tuple(append_all(runtime, url, tenant_id, max(10, BATCH, events // 100), events))
    finally:
        runtime.close()
    if _analysed(url):
        raise RuntimeError("somebody analysed the table")
    ground.say("appending without statistics")
    before = ground.aside(batch_alone, url, tenant_id, accounts)
    _execute(url, "ANALYZE")
    ground.say("appending with statistics")
    after = ground.aside(batch_alone, url, tenant_id, accounts)
    ground.databases.drop(url)
    work = f"a batch of {BATCH} appends on PostgreSQL tables of {events:,} events that were never analysed, median"
    return [row("pitfall-statistics", work, before, "ms", after, "the same after ANALYZE", Goal(ratio_to=1.5))]


def batch_alone(url: str, tenant_id: str, accounts: tuple[str, ...]) -> float:
    """Milliseconds of a batch on a connection of its own, which remembers no plan of another's."""
    runtime = build(settings_of(url))
    try:
        ready = batches(runtime, tenant_id, accounts, BATCH, REPEATS + 5)
        return median([_appended(runtime, tenant_id, batch) for batch in ready][5:])
    finally:
        runtime.close()


def _unattended(url: str) -> None:
    """Keeps autovacuum, which analyses too, away from all tables."""
    database = Database(url, owner=True)
    with database.administer() as connection:
        for name in connection.dialect.get_table_names(connection):
            connection.exec_driver_sql(f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
    database.close()


def _analysed(url: str) -> bool:
    database = Database(url, owner=True)
    with database.administer() as connection:
        known = connection.execute(text("SELECT count(*) FROM pg_stats WHERE tablename = 'events'")).scalar_one()
    database.close()
    return bool(known)


def _execute(url: str, statement: str) -> None:
    database = Database(url, owner=True)
    with database.administer() as connection:
        connection.exec_driver_sql(statement)
    database.close()


# --- the interpreter's lock ---


def beside_busy_loop(ground: Ground, backend: str) -> list[Row]:
    """A batch while an event loop of the same process is busy, beside the least that a transaction can be, there too.

    Whatever waits for the disk or the network gives the interpreter's lock away and must wait to have it back: what a
    batch costs there is how often it does so.
    """
    steward = furnished(ground, backend)
    ours, bare, alone = ground.aside(under_the_lock, steward)
    ground.databases.drop(steward.url)
    work = f"a batch of {UNDER_LOAD} appends beside an event loop with {_TASKS} requests in hand, {backend}, median"
    peer = "BEGIN, one INSERT and COMMIT by the driver, beside the same loop"
    id_ = f"pitfall-interpreter-lock-{backend}"
    return [
        row(id_, work, ours, "ms", bare, peer, Goal(ratio_to=_LOCK)),
        row(f"{id_}-alone", work, ours, "ms", alone, "the same with nothing beside it", Goal()),
    ]


def under_the_lock(steward: Furnished) -> tuple[float, float, float]:
    """Milliseconds of a batch and of a bare transaction, both beside a busy loop, and of a batch alone; in turns."""
    runtime = build(settings_of(steward.url))
    database = Database(steward.url, owner=True)
    connection: Any = database.writer.raw_connection().driver_connection
    connection.execute("CREATE TABLE bare (n integer)")
    try:
        ready = iter(batches(runtime, steward.tenant_id, steward.accounts, UNDER_LOAD, 2 * REPEATS + 2))
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda: _appended(runtime, steward.tenant_id, next(ready)),
            "bare": lambda: _bare(connection),
        }
        for _ in range(2):
            sides["ours"]()
        took: dict[str, list[float]] = {"ours": [], "bare": [], "alone": []}
        for _ in range(REPEATS):
            took["alone"].append(sides["ours"]())
            for name, side in sides.items():
                took[name].append(uvloop.run(_amid(side)))
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


async def _amid(work: Callable[[], float]) -> float:
    """Does something in a thread while the loop works on requests without a pause."""
    ended = threading.Event()
    tasks = [asyncio.create_task(_busy(ended)) for _ in range(_TASKS)]
    await asyncio.sleep(0)
    try:
        return await asyncio.to_thread(work)
    finally:
        ended.set()
        await asyncio.gather(*tasks)


async def _busy(ended: threading.Event) -> None:
    """What a request costs a loop: about a tenth of a millisecond of Python, then the next one's turn."""
    while not ended.is_set():
        for _ in range(10):
            json.loads(BODY)
        await asyncio.sleep(0)


# --- endpoints ---


def plain_functions(ground: Ground) -> list[Row]:
    """Endpoints that are `async def` beside plain ones, which FastAPI hands to threads: why every command's is the former."""
    with empty(ground.folder) as bare:
        sides = {
            "async def": partial(_driven, ground, bare.port, "/v1/accounts/a/interactions"),
            "def": partial(_driven, ground, bare.port, "/v1/threads/a/interactions"),
        }
        gave = in_turns(ground, sides)
    ours, peer = (middle(gave[name], lambda load: load.rate) for name in ("async def", "def"))
    work = f"an empty endpoint that is `async def`, as all of our commands' are, {CONNECTIONS} connections"
    return [
        row("pitfall-def-endpoints", work, ours, "requests/s", peer, "the same as a plain `def`", Goal(ratio_from=1.25))
    ]


def _driven(ground: Ground, port: int, path: str, _turn: int, seconds: float) -> Load:
    return ground.aside(drive, port, partial(_posted, path), CONNECTIONS, seconds, 0.3).whole()


def _posted(path: str, _number: int) -> bytes:
    return call("POST", path, "", BODY)
