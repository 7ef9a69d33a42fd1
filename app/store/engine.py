"""Databases: one class for SQLite and PostgreSQL, a transaction at a time, for one tenant at a time."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool, StaticPool

from app.domain.kernel.errors import Refused, Unavailable
from app.store import sqlite
from app.store.beginning import say
from app.store.bounded import STATEMENT_SECONDS, TCP, BoundedConnection
from app.store.faults import unavailable
from app.store.nodes import Holder, Nodes
from app.store.placement import Placement

APP_ROLE: Final = "steward_app"
DIRECTORY_ROLE: Final = "steward_directory"
READ_COMMITTED: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""What the head row's lock needs: a transaction that waited for it must see what the one before wrote."""
SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
LIMITS: Final = (
    "SET LOCAL lock_timeout = '10s'",
    "SET LOCAL idle_in_transaction_session_timeout = '60s'",
    f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'",
)
"""How long a transaction waits for others, how long it may keep others waiting, and how long one of its statements may take."""
TO_NODES: Final = "SET LOCAL citus.propagate_set_commands = 'local'"
"""Lets Citus say the `SET LOCAL` that follow to its nodes too. Without Citus it is a setting that nobody reads."""
ONE_BY_ONE: Final = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
"""Lets Citus change shards one by one: a transaction that changes tables cannot go on after it has done several at a time."""
PREPARED_AFTER: Final = 5
"""After how many executions a statement is prepared, where statements are."""
ASK_SECONDS: Final = 2
"""How long a node has to answer when it is asked whether it is there."""
IDLE_SECONDS: Final = 0.2
"""Seconds without use after which a connection is tested before it is used again."""
_TENANT: Final = re.compile(r"[a-z0-9_]{1,64}")


class Database:
    """A database that holds ledgers and views.

    Takes: an SQLAlchemy URL, `sqlite:///path` (or `sqlite://` for a private one in memory) or
    `postgresql+psycopg://…`; `owner=True` keeps the login's own rights, for migrations and new view tables;
    prepare: whether the server keeps statements prepared, which no pooler may stand between.

    On PostgreSQL nothing is left in a session, for a pooler hands it on after each transaction: role, limits and tenant are
    set with `SET LOCAL` in each.
    """

    def __init__(self, url: str, *, owner: bool = False, pool_size: int = 8, prepare: bool = False) -> None:
        self.url = make_url(url)
        self._prepare = prepare
        self.postgres = self.url.get_backend_name() == "postgresql"
        self.owner = owner
        self.nodes: Nodes | None = None
        if self.postgres:
            self.writer = self.reader = self.relaxed = self._postgres(pool_size)
            if not owner:
                self.nodes = Nodes(Placement(self.directory), self._ask, pool_size)
        elif self.url.get_backend_name() == "sqlite":
            self._sqlite(pool_size)
        else:
            raise ValueError(
                f"not a database of Steward: {self.url.get_backend_name()}; use sqlite or postgresql+psycopg"
            )

    # --- engines ---

    def _postgres(self, pool_size: int) -> Engine:
        engine = create_engine(
            self.url.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            connect_args={
                "connect_timeout": 5,
                "application_name": "steward",
                "prepare_threshold": PREPARED_AFTER if self._prepare else None,
                **TCP,
            },
        )

        @event.listens_for(engine, "do_connect")
        def connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> BoundedConnection:
            made = BoundedConnection.connect(*args, **kwargs)
            if self.owner:  # a new index takes as long as it takes
                made.bound = None
            return made

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            connection.autocommit = True  # we say BEGIN ourselves, below

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            options = connection.get_execution_options()
            if options.get("isolation_level") != "AUTOCOMMIT":
                with self._driver(connection) as driver:
                    say(driver, options.get("begin") or self._begin("BEGIN"))

        @event.listens_for(engine, "checkin")
        def note_idle(_connection: Any, record: Any) -> None:
            record.info["idle_since"] = monotonic()

        @event.listens_for(engine, "checkout")
        def check_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
            if monotonic() - record.info.get("idle_since", monotonic()) > IDLE_SECONDS:
                try:
                    connection.execute("SELECT 1")
                except connection.Error as error:
                    raise InvalidatePoolError from error

        return engine

    def _sqlite(self, pool_size: int) -> None:
        driver = sqlite.driver()
        journal = sqlite.journal_mode(driver)
        # A value that is neither text nor a number takes the driver's slow path, unless it has an adapter here: 0.9 µs a value.
        for kind, same in ((type(None), {}.get), (bool, int), (bytes, bytes)):
            driver.register_adapter(kind, same)
        path = self.url.database
        if path in (None, "", ":memory:"):
            engine = create_engine(
                "sqlite://", module=driver, poolclass=StaticPool, connect_args={"check_same_thread": False}
            )
            self._pragmas(engine, begin="BEGIN", synchronous="OFF", journal=journal)
            self.writer = self.reader = self.relaxed = engine
            return
        Path(str(path)).parent.mkdir(parents=True, exist_ok=True)

        def connect(size: int, begin: str, synchronous: str) -> Engine:
            engine = create_engine(
                f"sqlite:///{path}",
                module=driver,
                poolclass=QueuePool,
                pool_size=size,
                max_overflow=size,
                pool_timeout=10,
                connect_args={"check_same_thread": False, "timeout": 15, "cached_statements": 256},
            )
            self._pragmas(engine, begin=begin, synchronous=synchronous, journal=journal)
            return engine

        self.writer = connect(2, "BEGIN IMMEDIATE", "FULL")
        # Views can be rebuilt, so their commits need not wait for the disk; the ledger's next commit makes them durable too.
        self.relaxed = connect(2, "BEGIN IMMEDIATE", "NORMAL")
        self.reader = connect(pool_size, "BEGIN", "FULL")

    def _pragmas(self, engine: Engine, *, begin: str, synchronous: str, journal: str) -> None:
        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves, below
            for pragma in (
                f"journal_mode = {journal}",
                f"synchronous = {synchronous}",
                "busy_timeout = 15000",
                "cache_size = -16000",
                "temp_store = MEMORY",
                "wal_autocheckpoint = 4000",  # pages: what is written often goes over once
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    # --- transactions ---

    @contextmanager
    def write(self, tenant_id: str) -> Iterator[Connection]:
        """A transaction whose commit is on disk before it returns.

        Raises: Unavailable when the database cannot be reached or written now.
        """
        with self._transaction(self.writer, tenant_id, READ_COMMITTED) as connection:
            yield connection

    @contextmanager
    def write_views(self, tenant_id: str) -> Iterator[Connection]:
        """A transaction for what can be rebuilt: atomic, but durable only with the next `write`."""
        with self._transaction(self.relaxed, tenant_id, READ_COMMITTED) as connection:
            yield connection

    @contextmanager
    def read(self, tenant_id: str) -> Iterator[Connection]:
        """A transaction that only reads, all of it in one snapshot."""
        with self._transaction(self.reader, tenant_id, SNAPSHOT) as connection:
            yield connection

    @contextmanager
    def directory(self) -> Iterator[Connection]:
        """A transaction across tenants, on tables without business data: ledgers' heads and the tenants of endpoints."""
        with self.translated(), self.reader.connect() as connection:
            if self.postgres:
                connection.execution_options(begin=self._begin("BEGIN", DIRECTORY_ROLE))
            with connection.begin():
                yield connection

    @contextmanager
    def administer(self) -> Iterator[Connection]:
        """A transaction with the login's own rights, for tables."""
        with self.translated(), self.writer.begin() as connection:
            yield connection

    def time(self) -> int | None:
        """The time by the clock of the database's own machine, in microseconds; None on SQLite, which has none."""
        if not self.postgres:
            return None
        with self.administer() as connection:
            return int(connection.execute(text("SELECT extract(epoch FROM clock_timestamp()) * 1000000")).scalar_one())

    @contextmanager
    def append(self, tenant_id: str) -> Iterator[Any]:
        """The same as `write`, with the driver's own cursor: the busiest path goes without SQLAlchemy.

        On PostgreSQL it is in pipeline mode: BEGIN is sent with the first statements, COMMIT with the last.
        """
        if not self.postgres:
            with self.write(tenant_id) as connection, self.bare(connection) as cursor:
                yield cursor
            return
        begin = self.begin_of(tenant_id, READ_COMMITTED)
        with self.translated(), self._connection(self.writer, tenant_id) as connection, self.bare(connection) as cursor:
            try:
                with cursor.connection.pipeline():
                    for statement in begin:
                        cursor.execute(statement, prepare=False)
                    yield cursor
                    cursor.execute("COMMIT", prepare=False)
            except BaseException:
                cursor.connection.rollback()
                raise

    @contextmanager
    def bare(self, connection: Connection) -> Iterator[Any]:
        """The driver's own cursor in a transaction; its errors are raised as SQLAlchemy's."""
        with self._driver(connection) as driver:
            cursor = driver.cursor()
            try:
                yield cursor
            finally:
                # At once: an exception's traceback keeps the cursor alive, and SQLite's driver shares prepared statements, so it
                # would reset the next cursor's statement when another thread frees this one.
                with suppress(connection.dialect.loaded_dbapi.Error):
                    cursor.close()

    @contextmanager
    def _driver(self, connection: Connection) -> Iterator[Any]:
        """The driver's own connection; its errors are raised as SQLAlchemy's."""
        driver: Any = connection.connection.dbapi_connection  # which a detached connection keeps, too
        errors: Any = connection.dialect.loaded_dbapi.Error
        try:
            yield driver
        except errors as error:
            lost = connection.dialect.is_disconnect(error, driver, None)
            if lost:
                connection.invalidate(error)
                self.writer.dispose()  # the other connections are lost as well
            wrapped = DBAPIError.instance(
                None, None, error, errors, connection_invalidated=lost, dialect=connection.dialect
            )
            raise wrapped from error

    @contextmanager
    def _transaction(self, engine: Engine, tenant_id: str, mode: str) -> Iterator[Connection]:
        begin = self.begin_of(tenant_id, mode)
        with self.translated(), self._connection(engine, tenant_id) as connection:
            if self.postgres:
                connection.execution_options(begin=begin)
            with connection.begin():
                yield connection

    @contextmanager
    def _connection(self, engine: Engine, tenant_id: str) -> Iterator[Connection]:
        """A connection for a tenant. Raises: Unavailable where the tenant's node does not answer."""
        if self.nodes is None:
            with engine.connect() as connection:
                yield connection
            return
        with self.nodes.turn(tenant_id) as holder, engine.connect() as connection:
            note(holder, connection)
            yield connection

    @contextmanager
    def everywhere(self) -> Iterator[Connection]:
        """The same as `directory`, on tables of which each node has a part. Raises: Unavailable where one of them does not answer."""
        if self.nodes is None:
            with self.directory() as connection:
                yield connection
            return
        with self.nodes.everywhere() as holders, self.directory() as connection:
            for holder in holders:
                note(holder, connection)
            yield connection

    def _ask(self, tenant_id: str) -> None:
        """Reads a row of a tenant on a connection of its own. Raises: an error where it does not come soon."""
        _, arguments = self.reader.dialect.create_connect_args(self.url)
        try:
            asked = BoundedConnection.connect(**arguments, **TCP, connect_timeout=ASK_SECONDS, autocommit=True)
        except psycopg.Error:  # that is not about the node
            return
        asked.bound = ASK_SECONDS
        try:
            say(asked, (*self.begin_of(tenant_id, SNAPSHOT), f"SET LOCAL statement_timeout = '{ASK_SECONDS}s'"))
            asked.execute("SELECT head FROM ledgers WHERE tenant_id = %s", (tenant_id,)).fetchone()
            asked.execute("COMMIT")
        finally:
            asked.close()

    def begin_of(self, tenant_id: str, mode: str) -> tuple[str, ...]:
        """What a tenant's transaction begins with on PostgreSQL, each statement a text of its own."""
        if not _TENANT.fullmatch(tenant_id):
            raise ValueError("not a tenant id")
        return (*self._begin(mode), f"SET LOCAL app.tenant = '{tenant_id}'")

    def _begin(self, mode: str, role: str = APP_ROLE) -> tuple[str, ...]:
        """What every transaction begins with on PostgreSQL. The role is not passed on: it is whom Citus connects as."""
        return (mode, ONE_BY_ONE) if self.owner else (mode, f"SET LOCAL ROLE {role}", TO_NODES, *LIMITS)

    def require_session(self, connection: Connection) -> None:
        """Raises: Refused where a pooler stands between, so that a session is nobody's own.

        The process that PostgreSQL named when the connection was made is the pooler's invention then.
        """
        driver: Any = connection.connection.driver_connection
        if self.postgres and connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() != driver.info.backend_pid:
            raise Refused(
                "session_not_kept",
                "this needs a session of its own; let STEWARD_OWNER_URL name PostgreSQL itself, not a pooler",
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Translates the driver's errors. Raises: Unavailable where the database cannot be used now."""
        try:
            yield
        except PoolTimeout as error:
            raise Unavailable(
                "store_busy", "all connections to the database are in use; try again", retry_after=1
            ) from error
        except DBAPIError as error:
            if (refusal := unavailable(error)) is not None:
                raise refusal from error
            raise

    def close(self) -> None:
        """Gives all connections back."""
        if self.nodes is not None:
            self.nodes.close()
        for engine in {self.writer, self.reader, self.relaxed}:
            engine.dispose()


def note(holder: Holder | None, connection: Connection) -> None:
    """Notes on what a transaction with a node waits."""
    if holder is not None:
        holder.connection = connection.connection.driver_connection


def keyed(database: Database, table: str, column: str, columns: str, condition: str = "") -> str:
    """A SELECT that looks up many keys (the bind `:keys`) of one tenant (`:tenant_id`), one index probe each.

    A list in `IN` or `= ANY` falls to a sequential scan on PostgreSQL while a table has no statistics; a probe that is
    written out cannot. The column is quoted, for `user` alone would be whoever is logged in. Takes: columns of `k.key` and `f`.
    """
    extra = f" AND {condition}" if condition else ""
    if database.postgres:
        probe = f'SELECT * FROM {table} WHERE tenant_id = :tenant_id AND "{column}" = k.key{extra} OFFSET 0'
        return f"SELECT {columns} FROM unnest(CAST(:keys AS text[])) AS k(key) CROSS JOIN LATERAL ({probe}) AS f"
    source = f"(SELECT value AS key FROM json_each(:keys)) AS k CROSS JOIN {table} AS f"
    return f'SELECT {columns} FROM {source} ON f.tenant_id = :tenant_id AND f."{column}" = k.key{extra}'


def keys(database: Database, values: Iterable[str]) -> object:
    """The value to bind as `:keys`."""
    key_list = list(values)
    return key_list if database.postgres else json.dumps(key_list)
