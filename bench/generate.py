"""The generator: a seeded tenant of any size, written through the log's bulk path and reused from disk between runs."""

import hashlib
import json
import multiprocessing
import pickle
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from app.bootstrap import build
from app.read_side.view_tables import create_tables
from app.runtime import Runtime
from app.store.append import AppendRequest
from app.store.engine import Database
from app.store.ledger_time import unguarded
from app.store.log import Log
from app.store.receipts import Receipt, Request
from app.store.tables import metadata
from app.store.vault import Vault
from bench.databases import name_of, prepare
from bench.environment import EVENTS, Environment, new_tenant, settings_of
from bench.histories import ENDS, STARTS, History, Ids
from bench.results import Goal, Result, compare
from bench.servers import ROOT, VAULT_KEY

SEED: Final = 7
BATCH: Final = 4000
SAMPLE: Final = 200
_ALLOWED_SECONDS: Final = 120
_LOG_SOURCES: Final = (
    "bench/generate.py",
    "bench/histories.py",
    "app/store/tables.py",
    "app/store/mapper.py",
    "migrations/versions",
)
_VIEW_SOURCES: Final = (
    "projections",
    "app/read_side/view_writer.py",
    "app/read_side/projector.py",
    "app/domain/contract/schedule.py",
)


@dataclass(frozen=True)
class Tenant:
    """A generated tenant. accounts: a sample of ids; log, views: digests of the code that wrote them."""

    backend: str
    url: str
    tenant_id: str
    key: str
    events: int
    accounts: tuple[str, ...]
    log: str
    views: str = ""


def generator(environment: Environment) -> list[Result]:
    """How long it takes to write the big tenant's log, on SQLite. Later benchmarks read what it wrote."""
    url = environment.databases.url("sqlite", f"tenant_{environment.accounts}_{environment.events}")
    environment.databases.drop(url)
    started = time.perf_counter()
    generated_tenant(environment, "sqlite", environment.accounts, environment.events, views=False)
    took, allowed = time.perf_counter() - started, _ALLOWED_SECONDS * environment.events / EVENTS
    work = f"generating {environment.events:,} events of {environment.accounts:,} accounts through the log's bulk path, SQLite"
    limit = f"the time allowed: {_ALLOWED_SECONDS} s for {EVENTS:,}"
    return [compare("generator", work, took, "s", allowed, limit, Goal(ratio_to=1))]


def generated_tenant(
    environment: Environment, backend: str, accounts: int, events: int, *, views: bool = True
) -> Tenant:
    """A tenant of a size, read from disk where it exists. Takes: whether its views must be up to date."""
    metadata_file = environment.folder / f"{backend}_{accounts}_{events}.json"
    url = environment.databases.url(backend, f"tenant_{accounts}_{events}")
    tenant = (
        Tenant(**json.loads(metadata_file.read_text()))
        if metadata_file.exists() and environment.databases.exists(url)
        else None
    )
    if tenant is None or tenant.log != _digest(_LOG_SOURCES):
        environment.say(f"writing {events:,} events of {accounts:,} accounts ({backend})")
        metadata_file.unlink(missing_ok=True)
        tenant = generate(
            environment.databases.make(backend, name_of(url) or Path(url).stem), backend, accounts, events
        )
    if views and tenant.views != _digest(_VIEW_SOURCES):
        environment.say(f"rebuilding the views of {events:,} events ({backend})")
        rebuild_views(environment, tenant)
        tenant = Tenant(**{**asdict(tenant), "views": _digest(_VIEW_SOURCES)})
    metadata_file.write_text(json.dumps(asdict(tenant)))
    return tenant


def generate(url: str, backend: str, accounts: int, events: int) -> Tenant:
    """Writes a tenant's log into an empty database. Only sealed members and salts differ from run to run."""
    prepare(url)
    clock = [STARTS]
    runtime = build(settings_of(url), clock=lambda: clock[0])
    try:
        tenant_id, key = new_tenant(runtime)
        sample = append_all(runtime, url, tenant_id, accounts, events, clock)[:SAMPLE]
        _vacuumed(runtime.database)
    finally:
        runtime.close()
    return Tenant(backend, url, tenant_id, key, events, tuple(sample), _digest(_LOG_SOURCES))


def append_all(
    runtime: Runtime, url: str, tenant_id: str, accounts: int, events: int, clock: list[int] | None = None
) -> list[str]:
    """Appends a tenant's histories until its log has a number of events. Gives: the accounts that were opened."""
    opened = []
    for at, appends in _batches(url, tenant_id, accounts, events - runtime.log.head(tenant_id)):
        if clock is not None:
            clock[0] = at
        for outcome in runtime.log.append(tenant_id, appends):
            if not isinstance(outcome, Receipt):
                raise outcome
        opened += [append.stream_id for append in appends if append.events[0].topic == "account.opened"]
    if runtime.log.head(tenant_id) != events:
        raise RuntimeError("the log does not have the expected number of events")
    return opened


# --- making up events, in a process beside the one that writes ---


def _batches(url: str, tenant_id: str, accounts: int, events: int) -> Iterator[tuple[int, list[AppendRequest]]]:
    context = multiprocessing.get_context("spawn")
    batches: Any = context.Queue(maxsize=8)
    producer = context.Process(target=_put_batches, args=(batches, url, tenant_id, accounts, events), daemon=True)
    producer.start()
    while (batch := batches.get()) is not None:
        if isinstance(batch, str):
            raise RuntimeError(batch)
        yield pickle.loads(batch)  # noqa: S301 - our own process made it
    producer.join()


def _put_batches(batches: Any, url: str, tenant_id: str, accounts: int, events: int) -> None:
    try:
        for batch in history_batches(url, tenant_id, accounts, events):
            batches.put(pickle.dumps(batch))  # here: a queue would lose what it cannot pickle, and say nothing
        batches.put(None)
    except Exception as fault:  # noqa: BLE001 - the writer must learn of every failure
        batches.put(f"{type(fault).__name__}: {fault}")


def history_batches(url: str, tenant_id: str, accounts: int, events: int) -> Iterator[tuple[int, list[AppendRequest]]]:
    """The events of the log in batches. In each round every account takes a step, in a new order, until there are enough events."""
    source = random.Random(f"{SEED}/{accounts}/{events}")  # noqa: S311 - the same seed must give the same events
    ids = Ids(source)
    log = Log(Database(url), Vault(bytes.fromhex(VAULT_KEY)), unguarded(lambda: ids.at), ids)
    histories = [History(number, source, ids) for number in range(accounts)]
    order, pending = list(range(accounts)), []
    for number in range(events):
        if number % accounts == 0:
            source.shuffle(order)
        ids.at = STARTS + (ENDS - STARTS) * number // events
        pending.append(_prepared(log, tenant_id, histories[order[number % accounts]], ids.at))
        if len(pending) == BATCH:
            yield ids.at, pending
            pending = []
    if pending:
        yield ids.at, pending


def _prepared(log: Log, tenant_id: str, history: History, at: int) -> AppendRequest:
    step = history.step(at)
    draft = step.draft
    return log.prepare(
        tenant_id,
        draft.stream_id,
        [draft],
        actor="key_bench",
        meta={"visibility": "internal"},
        reason=None,
        expects={draft.stream_id: draft.version - 1},
        request=Request(f"bench:{draft.event_id}", draft.event_id.encode()),
        claims=step.claims,
    )


# --- views ---


def rebuild_views(environment: Environment, tenant: Tenant) -> None:
    """Drops a tenant's views and rebuilds them as a worker does."""
    database = Database(tenant.url, owner=True)
    with database.administer() as connection:
        log_tables = {*metadata.tables, "alembic_version"}
        for name in database_tables(connection):
            if name not in log_tables:
                connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("DELETE FROM positions")
    create_tables(database)
    database.close()
    environment.run_in_process(catch_up, tenant.url, tenant.tenant_id, tenant.events)


def catch_up(url: str, tenant_id: str, head: int) -> None:
    """Lets every view read to the head. Raises: RuntimeError where a view stops before it."""
    runtime = build(settings_of(url))
    try:
        runtime.projector.catch_up(tenant_id)
        behind = {name for name, at in runtime.projector.positions(tenant_id).items() if at < head}
        _vacuumed(runtime.database)
    finally:
        runtime.close()
    if behind:
        raise RuntimeError(f"views stopped before the head: {', '.join(sorted(behind))}")


def database_tables(connection: Any) -> list[str]:
    """The names of a database's tables."""
    return list(connection.dialect.get_table_names(connection))


def _vacuumed(database: Database) -> None:
    """Does at once what autovacuum does within a minute on PostgreSQL, and an idle server's checkpoint on SQLite."""
    owner = Database(database.url.render_as_string(hide_password=False), owner=True)
    with owner.writer.connect() as connection:
        if owner.postgres:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
        else:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
    owner.close()


def _digest(sources: Iterable[str]) -> str:
    """A digest of source files: data that other code wrote is not reused."""
    files = sorted(path for name in sources for path in _files(ROOT / name))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]
