"""Builds a runtime: the only place with the system's clock and randomness, and with connections to a real database."""

import gc
import os
import secrets
import threading
import time
from pathlib import Path

from app.auth.issuers import Issuers
from app.domain.kernel.values import typeid
from app.observe.alarms import Alarms
from app.read_side.projector import Projector
from app.read_side.reader import Reader
from app.read_side.view_tables import require_tables
from app.runtime import Clock, Runtime
from app.services.deadlines import RenewalDeadlines, SuggestionDeadlines
from app.services.people_takeover import PeopleTakeover
from app.settings import Settings
from app.store.committer import Committer
from app.store.engine import Database
from app.store.inbox import Messages
from app.store.issuer_directory import IssuerDirectory
from app.store.ledger_time import LedgerTime, unguarded
from app.store.log import Log
from app.store.randomness import random_bytes
from app.store.read_log import ReadLog
from app.store.root_key import RootKeyMismatch, RootKeyRecord, missing, unreadable
from app.store.schema import require_head
from app.store.vault import Vault
from app.store.webhook_secrets import WebhookSecrets
from app.store.write_health import WriteHealth
from app.webhooks.inbound.endpoints import Endpoints
from app.webhooks.inbound.inbox import Inbox
from app.write_side.handler import Handler
from app.write_side.ingestion import Ingestion


def build(settings: Settings, *, clock: Clock | None = None) -> Runtime:
    """A runtime with these settings.

    Raises: SchemaOutdated unless the database is at the revision that this code was written for, with all tables; RootKeyMissing or
    RootKeyMismatch unless it is sealed under the root key of these settings.
    """
    clock, given = clock or system_clock, clock is not None
    database = Database(settings.database_url, pool_size=settings.pool_size, prepare=settings.prepare_statements)
    try:
        require_head(database)
        require_tables(database)
        record = RootKeyRecord(database)
        vault = Vault(root_key(settings, record, clock))
    except BaseException:
        database.close()
        raise
    new_id = Ids(clock)
    time_after = (
        unguarded(clock) if given else LedgerTime(clock, steady_clock, min(clock(), database.time() or clock())).after
    )
    log = Log(database, vault, time_after, new_id)
    wake = threading.Event()
    alarms = Alarms()
    health = WriteHealth(database, alarms)

    def committed(_tenant: str) -> None:
        wake.set()
        health.committed()

    committer = Committer(
        log.append,
        waiting=settings.queue_size,
        batch=settings.batch_size,
        lanes=lanes(database, settings),
        on_commit=committed,
        on_failure=health.failed,
        **({"node_of": database.nodes.placement.known} if database.nodes is not None else {}),
    )
    handler = Handler(log, committer, clock, new_id)
    projector = Projector(database, log, handler.zone, clock)
    reader = Reader(database, log, projector, clock)
    ingestion = Ingestion(handler)
    endpoints = Endpoints(handler, WebhookSecrets(database, vault), secrets.token_bytes, settings.address)
    inbox = Inbox(endpoints, Messages(database, vault), ingestion, clock)
    return Runtime(
        settings=settings,
        database=database,
        clock=clock,
        new_id=new_id,
        vault=vault,
        log=log,
        committer=committer,
        handler=handler,
        ingestion=ingestion,
        projector=projector,
        reader=reader,
        endpoints=endpoints,
        inbox=inbox,
        read_log=ReadLog(database),
        issuers=Issuers(handler, IssuerDirectory(database), settings.address),
        people=PeopleTakeover(handler, reader),
        watcher=RenewalDeadlines(handler, reader, clock),
        expiries=SuggestionDeadlines(handler, reader, clock),
        wake=wake,
        alarms=alarms,
        health=health,
        require_root_key=lambda: record.require(known_root_key(settings)),
    )


def lanes(database: Database, settings: Settings) -> int:
    """How many tenants are written at once: SQLite takes one writer; on PostgreSQL half of the connections are left for reading."""
    return max(1, settings.pool_size // 2) if database.postgres else 1


def owner(settings: Settings) -> Database:
    """The database with the rights to make tables."""
    return Database(settings.owner_url or settings.database_url, owner=True)


def settle() -> None:
    """Makes the garbage collector ignore what exists now, and look less often at the rest.

    A command leaves no reference cycles behind, and looking for them takes a fifth of a batch's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def system_clock() -> int:
    """The system's time in microseconds."""
    return time.time_ns() // 1000


def steady_clock() -> int:
    """Microseconds since the machine started: nobody sets it, and where the system can say so it goes on while the machine sleeps."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


def root_key(settings: Settings, record: RootKeyRecord, clock: Clock) -> bytes:
    """The vault's root key, which is the database's. A database that has none yet gets a new one, once.

    Raises: RootKeyMissing or RootKeyMismatch; RootKeyUnreadable when the setting or the file holds no key.
    """
    key, made = known_root_key(settings), False
    if key is None:
        if record.is_needed():
            raise missing()
        key, made = _new_root_key(Path(settings.vault_key_file))
    try:
        record.claim(key, clock())
    except RootKeyMismatch:
        if made:  # another process, with a file of its own, was faster
            Path(settings.vault_key_file).unlink()
        raise
    return key


def known_root_key(settings: Settings) -> bytes | None:
    """The root key of the settings, or of their file; None where there is no file.

    Raises: RootKeyUnreadable.
    """
    if settings.vault_key:
        return _parse_key(settings.vault_key)
    try:
        return _parse_key(Path(settings.vault_key_file).read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable() from error


def _new_root_key(path: Path) -> tuple[bytes, bool]:
    """A new root key, in a file that only its owner may read; or that of a process that was faster. Gives: also whether it is new.

    The file appears with its key in it: nobody reads half of it, and a crash leaves none that is empty.
    Raises: RootKeyMissing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = secrets.token_hex(32) + "\n"
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        try:
            return _parse_key(path.read_text()), False
        except FileNotFoundError as error:  # its maker came too late with it, and has taken it away
            raise missing() from error
    finally:
        draft.unlink()
    return _parse_key(text), True


def _parse_key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise unreadable()
    return key


class Ids:
    """Makes TypeIDs on UUIDv7: they sort by time, and no two of a process are the same.

    Source: RFC 9562 section 5.7, with a counter in the 12 bits behind the milliseconds (method 1 of 6.2).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self, prefix: str) -> str:
        """A new id with a prefix."""
        with self._lock:
            tick = max((self._clock() // 1000) << 12, self._last + 1)
            self._last = tick
        number = (
            (tick >> 12 << 80)
            | (0x7 << 76)
            | ((tick & 0xFFF) << 64)
            | (0b10 << 62)
            | (int.from_bytes(random_bytes(8), "big") >> 2)
        )
        return typeid(prefix, number.to_bytes(16, "big"))
