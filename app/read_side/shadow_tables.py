"""Shadow tables: copies of the serving tables that belong to one connection, unseen by all others, and gone with it, however it ends."""

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import JSON, Column, Connection, Table
from sqlalchemy.exc import DBAPIError, OperationalError

from app.store.engine import READ_COMMITTED, SNAPSHOT, Database
from app.store.event_pages import Share
from app.store.rows import fetch, named, run

_SCHEMA: Final = "shadow"
"""The schema of shadow tables on SQLite."""


class ShadowConnection:
    """A connection of its own with shadow tables, to rebuild what serves and to compare both.

    Takes: a database opened as owner, for rows are copied only to tables that no policy guards; nobody else can see these anyway.
    """

    def __init__(self, database: Database, tenant_id: str, connection: Connection) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self.connection = connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that sees everything as it is now, and writes to shadow tables only."""
        with self._transaction(SNAPSHOT) as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """A transaction that writes to serving tables too."""
        with self._transaction(READ_COMMITTED) as connection:
            if (
                not self.database.postgres
            ):  # SQLite lets nobody write whose snapshot has become old: take the lock first
                run(connection, "UPDATE positions SET position = position WHERE false")
            yield connection

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[Connection]:
        begin = self.database.begin_of(self.tenant_id, mode)
        if self.database.postgres:
            self.connection.execution_options(begin=begin)
        with self.connection.begin():
            yield self.connection

    def create_table(self, table: Table) -> "ShadowTable":
        """An empty shadow of a table."""
        shadow = ShadowTable(self.connection, self.tenant_id, table)
        with self._transaction(READ_COMMITTED) as connection:
            for statement in shadow.definitions():
                run(connection, statement)
        return shadow


@contextmanager
def open_shadow(database: Database, tenant_id: str) -> Iterator[ShadowConnection]:
    """A connection with shadow tables for as long as it is needed.

    On PostgreSQL they are temporary tables. On SQLite they are in a second file in the database's folder, on the disk that has
    room. The file is deleted while it is open, so that it ends with the process; it has neither journal nor sync, for its rows
    can be rebuilt.

    Raises: Refused behind a pooler, which would hand the temporary tables on to others.
    """
    with database.translated(), database.reader.connect() as connection:
        if not database.postgres:
            _attach(connection, Path(str(database.url.database)))
        with connection.begin():
            database.require_session(connection)
        connection.detach()
        yield ShadowConnection(database, tenant_id, connection)


def _attach(connection: Connection, database: Path) -> None:
    driver = connection.connection.driver_connection
    with tempfile.NamedTemporaryFile(dir=database.parent, prefix=f"{database.name}.") as file:
        driver.execute(f"ATTACH ? AS {_SCHEMA}", (file.name,))  # type: ignore[union-attr]  # it is open
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -4000"):
        driver.execute(f"PRAGMA {_SCHEMA}.{pragma}")  # type: ignore[union-attr]
    driver.execute("PRAGMA main.cache_size = -2000")  # type: ignore[union-attr]  # the log is read once, in order


class ShadowTable:
    """The shadow of a table on one connection: how both are compared, and how one replaces the other."""

    def __init__(self, connection: Connection, tenant_id: str, table: Table) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.table = table
        self.postgres = connection.dialect.name == "postgresql"
        schema = "pg_temp" if self.postgres else _SCHEMA
        self.name = f"{schema}.new_{table.name}"
        self._differing = f"{schema}.differing_{table.name}"
        self._key = [column.name for column in table.primary_key]

    def definitions(self) -> list[str]:
        """The statements that make it, and the table that notes which groups differ."""
        dialect = self.connection.dialect
        columns = ", ".join(f'"{column.name}" {column.type.compile(dialect)}' for column in self.table.columns)
        return [
            f"CREATE TABLE {self.name} ({columns}, PRIMARY KEY ({named(self._key)}))",
            f"CREATE TABLE {self._differing} (key TEXT)",
        ]

    def count_equal(self, owner: str, share: Share) -> int:
        """How many of the shadow's rows are in the table too, member for member; 0 where the table's cannot be compared.

        Takes: see `count_serving`.
        """
        condition, bounds = share.condition(owner, postgres=self.postgres)
        query = f"{self._serving(condition)} SELECT count(*) FROM {self.name} AS n CROSS JOIN o WHERE {self._same()}"
        try:
            with self.connection.begin_nested():
                return self._count(query, self.tenant_id, *bounds)
        except DBAPIError as error:
            _require_damaged(error)
            return 0

    def count(self) -> int:
        """How many rows the shadow has."""
        return self._count(f"SELECT count(*) FROM {self.name}")

    def count_serving(self, owner: str, share: Share) -> int:
        """How many rows of a share the table has. Takes: the member that holds the row's owner, an account or the group itself."""
        condition, bounds = share.condition(owner, postgres=self.postgres)
        return self._count(
            f"SELECT count(*) FROM {self.table.name} WHERE tenant_id = ?{condition}", self.tenant_id, *bounds
        )

    def note_differing(self, group: str) -> None:
        """Notes which groups are not the same on both sides, all where they cannot be compared. Takes: the member that is a group's key."""
        note, serving = f"INSERT INTO {self._differing}", self._serving()
        missing = f"NOT EXISTS (SELECT 1 FROM o WHERE {self._same()})"
        match = " AND ".join(f'n."{name}" = o."{name}"' for name in self._key)
        surplus = f"NOT EXISTS (SELECT 1 FROM {self.name} AS n WHERE {match})"
        try:
            with self.connection.begin_nested():
                rebuilt = f'{note} {serving} SELECT DISTINCT n."{group}" FROM {self.name} AS n WHERE {missing}'
                run(self.connection, rebuilt, (self.tenant_id,))
        except DBAPIError as error:
            _require_damaged(error)
            run(self.connection, f'{note} SELECT DISTINCT n."{group}" FROM {self.name} AS n')
        keys = self._serving(columns={*self._key, group})
        run(self.connection, f'{note} {keys} SELECT DISTINCT o."{group}" FROM o WHERE {surplus}', (self.tenant_id,))

    def replace_differing(self, group: str) -> None:
        """Replaces the groups of the table that were noted as different."""
        names = named(column.name for column in self.table.columns)
        noted = f'tenant_id = ? AND "{group}" IN (SELECT key FROM {self._differing})'
        run(self.connection, f"DELETE FROM {self.table.name} WHERE {noted}", (self.tenant_id,))
        copy = f"INSERT INTO {self.table.name} ({names}) SELECT {names} FROM {self.name} WHERE {noted}"
        run(self.connection, copy, (self.tenant_id,))

    def _count(self, query: str, *binds: str) -> int:
        ((count,),) = fetch(self.connection, query, binds)
        return int(count)

    def _serving(self, condition: str = "", columns: Collection[str] = ()) -> str:
        """The tenant's rows of the table as `o`. Binds: the tenant, and those of the condition.

        On PostgreSQL they are read first: Citus joins no distributed table with one of a session, but what it has read with anything.
        """
        names = named(column.name for column in self.table.columns if not columns or column.name in columns)
        how = "MATERIALIZED" if self.postgres else "NOT MATERIALIZED"
        return f"WITH o AS {how} (SELECT {names} FROM {self.table.name} WHERE tenant_id = ?{condition})"

    def _same(self) -> str:
        """Whether `o` of the table and `n` of the shadow are one row."""
        keys = [f'o."{name}" = n."{name}"' for name in self._key if name != "tenant_id"]
        rest = [self._equal(column) for column in self.table.columns if column.name not in self._key]
        return " AND ".join([*keys, *rest])

    def _equal(self, column: Column[object]) -> str:
        """Whether a member is the same on both sides. JSON may be written differently and mean the same."""
        old, new = f'o."{column.name}"', f'n."{column.name}"'
        if not isinstance(column.type, JSON):
            return f"{old} IS NOT DISTINCT FROM {new}"
        if self.postgres:
            return f"({old}::text IS NOT DISTINCT FROM {new}::text OR {old}::jsonb = {new}::jsonb)"
        return f"({old} IS {new} OR (json_valid({old}) AND json({old}) = json({new})))"


def _require_damaged(error: DBAPIError) -> None:
    """Raises: the error again, unless it says that a stored row is damaged: the database works, and cannot read it."""
    if error.connection_invalidated or isinstance(error, OperationalError):
        raise error
