"""Forgery: rows of the log changed by SQL, as somebody with the rights of the database's owner can, and no leaf made anew."""

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from app.store.urls import sqlite_file
from tests.support.databases import superuser


def forge(url: str, tenant_id: str, position: int, column: str | None, value: Any) -> None:
    """Writes a value into a column of an event. Takes: no column to remove the event; `head` to let the ledger end at this position."""
    change = f"UPDATE events SET {column} = ?" if column else "DELETE FROM events"
    statement, binds = f"{change} WHERE tenant_id = ? AND position = ?", (tenant_id, position)
    if column == "head":
        statement, binds = "UPDATE ledgers SET head = ? WHERE tenant_id = ?", (position, tenant_id)
    elif column is not None:
        binds = (value, *binds)
    file = sqlite_file(url)
    if file is not None:
        with closing(sqlite3.connect(file)) as connection, connection:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS events_no_{verb}")
            connection.execute(statement, binds)
    else:
        with psycopg.connect(superuser(url)) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger keeps the history now
            connection.execute(statement.replace("?", "%s"), binds)
