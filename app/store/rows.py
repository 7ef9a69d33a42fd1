"""Rows by the thousand: plain tuples into a table by few statements, without an object or a statement for each."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final

from psycopg import Cursor, RawCursor
from sqlalchemy import Connection, CursorResult

TOGETHER: Final = 64
"""How many rows share a statement. Each return from the driver waits for the interpreter's lock, so not one for each row."""


def insert(connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Adds rows, given in the order of the columns."""
    _put(connection, table, columns, (), rows)


def upsert(
    connection: Connection, table: str, columns: tuple[str, ...], key: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    """Adds rows, or overwrites these columns of those that are there. Takes: the primary key; each row's only once."""
    _put(connection, table, columns, key, rows)


def delete(connection: Connection, table: str, key: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Removes rows by their keys."""
    matches = " AND ".join(f'"{name}" = ?' for name in key)
    for row in rows:
        run(connection, f"DELETE FROM {table} WHERE {matches}", tuple(row))


def copy(connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Adds rows in the fastest way, to a table without row-level security: PostgreSQL cannot COPY into one with policies."""
    cursor: Any = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        with cursor.copy(f"COPY {table} ({named(columns)}) FROM STDIN") as copying:
            for row in rows:
                copying.write_row(row)
    else:
        cursor.executemany(_statement(table, columns, (), 1), rows)
    cursor.close()


def fetch(connection: Connection, statement: str, binds: tuple[Any, ...] = ()) -> list[Any]:
    """A statement's rows as the driver gives them. Takes: a statement with `?` for each bind, on either database."""
    with _execute(connection, statement, binds) as result:
        return list(result.cursor.fetchall())


def run(connection: Connection, statement: str, binds: tuple[Any, ...] = ()) -> None:
    """Runs a statement that gives no rows. Takes: as `fetch`."""
    _execute(connection, statement, binds).close()


def _execute(connection: Connection, statement: str, binds: tuple[Any, ...]) -> CursorResult[Any]:
    if connection.dialect.name != "postgresql":
        return connection.exec_driver_sql(statement, binds)
    driver: Any = connection.connection.dbapi_connection
    # The driver's other cursors look for their placeholders in the whole statement, in Python: ten times the cost of sending it.
    driver.cursor_factory = RawCursor
    try:
        return connection.exec_driver_sql(_numbered(statement), binds)
    finally:
        driver.cursor_factory = Cursor


@lru_cache(maxsize=2048)
def _numbered(statement: str) -> str:
    """The statement with PostgreSQL's own placeholders, `$1` for the first `?`."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def named(columns: Iterable[str], of: str = "") -> str:
    """A list of columns in SQL, quoted, because some names are keywords of SQL. Takes: a table's alias with its dot."""
    return ", ".join(f'{of}"{name}"' for name in columns)


def _put(
    connection: Connection,
    table: str,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    rows: Iterable[Sequence[Any]],
) -> None:
    remaining = iter(rows)
    while chunk := tuple(islice(remaining, TOGETHER)):
        run(connection, _statement(table, columns, key, len(chunk)), tuple(chain.from_iterable(chunk)))


@lru_cache(maxsize=2048)
def _statement(table: str, columns: tuple[str, ...], key: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    statement = f"INSERT INTO {table} ({named(columns)}) VALUES {', '.join([row] * count)}"
    if not key:
        return statement
    rest = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    return f"{statement} ON CONFLICT ({named(key)}) DO {f'UPDATE SET {rest}' if rest else 'NOTHING'}"
