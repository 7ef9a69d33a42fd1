"""The generator: a seeded tenant of any size, through the log's bulk path, kept on disk between runs."""

import hashlib
import json
import multiprocessing
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
from app.store.log import Log
from app.store.receipts import Receipt, Request
from app.store.tables import metadata
from app.store.vault import Vault
from bench.databases import name_of, prepare
from bench.environment import EVENTS, Ground, new_tenant, settings_of
from bench.histories import ENDS, STARTS, Ids, Story
from bench.results import Goal, Row, row
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
    """A big tenant. accounts: a sample of ids; log, views: digests of the code that made them."""

    backend: str
    url: str
    tenant_id: str
    key: str
    events: int
    accounts: tuple[str, ...]
    log: str
    views: str = ""


def generator(ground: Ground) -> list[Row]:
    """How long it takes to write the big tenant's log anew, on SQLite. The rows behind this one read what it wrote."""
    url = ground.databases.url("sqlite", f"tenant_{ground.accounts}_{ground.events}")
    ground.databases.drop(url)
    started = time.perf_counter()
    grown(ground, "sqlite", ground.accounts, ground.events, views=False)
    took, allowed = time.perf_counter() - started, _ALLOWED_SECONDS * ground.events / EVENTS
    work = f"generating {ground.events:,} events of {ground.accounts:,} accounts through the log's bulk path, SQLite"
    limit = f"what it may take: {_ALLOWED_SECONDS} s for {EVENTS:,}"
    return [row("generator", work, took, "s", allowed, limit, Goal(ratio_to=1))]


def grown(ground: Ground, backend: str, accounts: int, events: int, *, views: bool = True) -> Tenant:
    """A tenant of a size with its views grown, from disk where it is there. Takes: whether the views matter."""
    note = ground.folder / f"{backend}_{accounts}_{events}.json"
    url = ground.databases.url(backend, f"tenant_{accounts}_{events}")
    kept = Tenant(**json.loads(note.read_text())) if note.exists() and ground.databases.exists(url) else None
    if kept is None or kept.log != _digest(_LOG_SOURCES):
        ground.say(f"writing {events:,} events of {accounts:,} accounts ({backend})")
        note.unlink(missing_ok=True)
        kept = generate(ground.databases.make(backend, name_of(url) or Path(url).stem), backend, accounts, events)
    if views and kept.views != _digest(_VIEW_SOURCES):
        ground.say(f"growing views of {events:,} events ({backend})")
        grow(ground, kept)
        kept = Tenant(**{**asdict(kept), "views": _digest(_VIEW_SOURCES)})
    note.write_text(json.dumps(asdict(kept)))
    return kept


def generate(url: str, backend: str, accounts: int, events: int) -> Tenant:
    """Writes a tenant's log into an empty database. What is sealed and salted differs each time, nothing else does."""
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
    """Appends a tenant's whole story, until its log has so many events. Gives: the accounts that were opened."""
    opened = []
    for at, appends in _told(url, tenant_id, accounts, events - runtime.log.head(tenant_id)):
        if clock is not None:
            clock[0] = at
        for outcome in runtime.log.append(tenant_id, appends):
            if not isinstance(outcome, Receipt):
                raise outcome
        opened += [append.stream_id for append in appends if append.events[0].topic == "account.opened"]
    if runtime.log.head(tenant_id) != events:
        raise RuntimeError("the log has not as many events as it should")
    return opened


# --- telling, in a process beside the one that writes ---


def _told(url: str, tenant_id: str, accounts: int, events: int) -> Iterator[tuple[int, list[AppendRequest]]]:
    context = multiprocessing.get_context("spawn")
    stretches: Any = context.Queue(maxsize=8)
    teller = context.Process(target=_tell, args=(stretches, url, tenant_id, accounts, events), daemon=True)
    teller.start()
    while (stretch := stretches.get()) is not None:
        if isinstance(stretch, str):
            raise RuntimeError(stretch)
        yield stretch
    teller.join()


def _tell(stretches: Any, url: str, tenant_id: str, accounts: int, events: int) -> None:
    try:
        for stretch in stretches_of(url, tenant_id, accounts, events):
            stretches.put(stretch)
        stretches.put(None)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the writer must hear of it
        stretches.put(f"{type(fault).__name__}: {fault}")


def stretches_of(url: str, tenant_id: str, accounts: int, events: int) -> Iterator[tuple[int, list[AppendRequest]]]:
    """The log in stretches: every account takes a step, in another order each time, until there are enough events."""
    source = random.Random(f"{SEED}/{accounts}/{events}")  # noqa: S311 - the same for the same seed is what is wanted
    ids = Ids(source)
    log = Log(Database(url), Vault(bytes.fromhex(VAULT_KEY)), lambda: ids.at, ids)
    stories = [Story(number, source, ids) for number in range(accounts)]
    order, gathered = list(range(accounts)), []
    for number in range(events):
        if number % accounts == 0:
            source.shuffle(order)
        ids.at = STARTS + (ENDS - STARTS) * number // events
        gathered.append(_prepared(log, tenant_id, stories[order[number % accounts]], ids.at))
        if len(gathered) == BATCH:
            yield ids.at, gathered
            gathered = []
    if gathered:
        yield ids.at, gathered


def _prepared(log: Log, tenant_id: str, story: Story, at: int) -> AppendRequest:
    step = story.step(at)
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


def grow(ground: Ground, tenant: Tenant) -> None:
    """Throws a tenant's views away and grows them, as a worker does."""
    database = Database(tenant.url, owner=True)
    with database.administer() as connection:
        kept = {*metadata.tables, "alembic_version"}
        for name in database_tables(connection):
            if name not in kept:
                connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("DELETE FROM positions")
    create_tables(database)
    database.close()
    ground.aside(catch_up, tenant.url, tenant.tenant_id, tenant.events)


def catch_up(url: str, tenant_id: str, head: int) -> None:
    """Lets every view read to the head. Raises: RuntimeError where one stands still."""
    runtime = build(settings_of(url))
    try:
        runtime.projector.catch_up(tenant_id)
        behind = {name for name, at in runtime.projector.positions(tenant_id).items() if at < head}
        _vacuumed(runtime.database)
    finally:
        runtime.close()
    if behind:
        raise RuntimeError(f"views stand still: {', '.join(sorted(behind))}")


def database_tables(connection: Any) -> list[str]:
    """The names of a database's tables."""
    return list(connection.dialect.get_table_names(connection))


def _vacuumed(database: Database) -> None:
    """What autovacuum does within a minute on PostgreSQL; the checkpoint of a server that rests on SQLite."""
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
    """A digest of source files, so that what other code made is not taken for ours."""
    files = sorted(path for name in sources for path in _files(ROOT / name))
    told = hashlib.sha256()
    for path in files:
        told.update(path.read_bytes())
    return told.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]
