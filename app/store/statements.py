"""The statements of an append, for the driver's own cursor: few, each for a whole batch.

Each call of the driver releases the interpreter's lock, and beside a busy event loop it gets the lock back late. So a batch
looks up and adds everything in as few calls as possible, whatever the number of commands.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Protocol

import orjson

from app.store import receipts
from app.store.batch import Batch, Existing, LookupKeys

ADDED: Final = {
    "events": {
        "position": "bigint", "event_id": "text", "stream_id": "text", "version": "bigint", "account_id": "text",
        "type": "text", "schema_version": "int", "effective_at": "bigint", "actor": "text", "body": "bytea",
        "leaf": "bytea",
    },
    "receipts": {"key": "text", "fingerprint": "bytea", "response": "text"},
    "refs": {"noun": "text", "ref": "text", "stream_id": "text"},
    "data_keys": {"key_id": "text", "wrapped": "bytea"},
}  # fmt: skip
"""The columns of the rows of a batch, with PostgreSQL's names of their types."""
TIME_COLUMN: Final = {"events": "recorded_at", "receipts": "recorded_at", "data_keys": "created_at"}
"""The column that holds the time of the batch, in tables that have one."""


class Statements(Protocol):
    """The statements of one kind of database. Each names one tenant; each look-up is one index probe a key."""

    def lock(self, cursor: Any, tenant_id: str, keys: LookupKeys) -> tuple[int, int, Existing]:
        """Locks the head row, or begins it. Gives: the head, its time, and what exists under the keys."""

    def insert(self, cursor: Any, batch: Batch) -> None:
        """Inserts the rows of a batch and moves the head."""


class SQLite:
    """On SQLite: the transaction began with IMMEDIATE and holds the lock of the whole file."""

    PROBES: Final = {
        "receipts": "SELECT json_group_array(json_array(receipts.key, hex(fingerprint), response, recorded_at)) "
        "FROM json_each(:receipts) AS k CROSS JOIN receipts ON tenant_id = :tenant AND receipts.key = k.value",
        "versions": "SELECT json_group_array(json_array(k.value, (SELECT max(version) FROM events "
        "WHERE tenant_id = :tenant AND stream_id = k.value))) FROM json_each(:versions) AS k",
        "claims": "SELECT json_group_array(json_array(noun, ref, stream_id)) FROM json_each(:claims) AS k "
        "CROSS JOIN refs ON tenant_id = :tenant AND noun = k.value ->> 0 AND ref = k.value ->> 1",
        "data_keys": "SELECT json_group_array(key_id) FROM json_each(:data_keys) AS k "
        "CROSS JOIN data_keys ON tenant_id = :tenant AND key_id = k.value",
        "events": "SELECT json_group_array(event_id) FROM json_each(:events) AS k "
        "CROSS JOIN events ON tenant_id = :tenant AND event_id = k.value",
        "counts": "SELECT json_group_array(json_array(k.value ->> 0, k.value ->> 1, (SELECT count(*) FROM events "
        "WHERE tenant_id = :tenant AND account_id = k.value ->> 0 AND type = k.value ->> 1))) FROM json_each(:counts) AS k",
    }
    BEGIN: Final = "INSERT INTO ledgers (tenant_id, head, recorded_at) VALUES (?, 0, 0)"
    ENTER: Final = "INSERT INTO tenants (tenant_id) VALUES (?) ON CONFLICT DO NOTHING"
    MOVE: Final = "UPDATE ledgers SET head = ?, recorded_at = ? WHERE tenant_id = ?"
    ROWS_AT_MOST: Final = 256
    """How many rows an INSERT has at most. An INSERT of many rows is one call, where `executemany` makes one for each."""

    def lock(self, cursor: Any, tenant_id: str, keys: LookupKeys) -> tuple[int, int, Existing]:
        binds = {part: orjson.dumps(values).decode() for part, values in keys.parts()}
        query = self.look_up(tuple(binds))
        row = cursor.execute(query, {"tenant": tenant_id, **binds}).fetchone()
        if row is None:
            cursor.execute(self.BEGIN, (tenant_id,))
            cursor.execute(self.ENTER, (tenant_id,))
            row = cursor.execute(query, {"tenant": tenant_id, **binds}).fetchone()
        return row[0], row[1], _existing(binds, row[2:])

    def insert(self, cursor: Any, batch: Batch) -> None:
        for table, rows in batch.rows():
            shared = (batch.tenant_id, batch.recorded_at) if table in TIME_COLUMN else (batch.tenant_id,)
            at = 0
            while at < len(rows):
                # Sizes are powers of two: few statements to prepare, and few calls.
                size = min(self.ROWS_AT_MOST, 1 << (len(rows) - at).bit_length() - 1)
                cursor.execute(self.insertion(table, size), (*shared, *chain.from_iterable(rows[at : at + size])))
                at += size
        if batch.events:
            cursor.execute(self.MOVE, (batch.head, batch.recorded_at, batch.tenant_id))

    @staticmethod
    @lru_cache(maxsize=64)
    def look_up(parts: tuple[str, ...]) -> str:
        """The SELECT of the head and of some kinds of keys."""
        probes = "".join(f", ({SQLite.PROBES[part]})" for part in parts)
        return f"SELECT head, recorded_at{probes} FROM ledgers WHERE ledgers.tenant_id = :tenant"

    @staticmethod
    @lru_cache(maxsize=64)
    def insertion(table: str, size: int) -> str:
        """The INSERT of so many rows; the tenant and the time are bound once for all of them."""
        columns = _columns(table)
        shared = len(columns) - len(ADDED[table])
        own = range(shared + 1, len(columns) + 1)
        rows = (
            ", ".join(f"?{place if place <= shared else place + at * len(own)}" for place in range(1, len(columns) + 1))
            for at in range(size)
        )
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({'), ('.join(rows)})"


class Postgres:
    """On PostgreSQL, in pipeline mode: one round trip ends with the look-up, the other with the commit."""

    HEAD: Final = "SELECT head, recorded_at FROM ledgers WHERE tenant_id = %s FOR UPDATE"
    PROBES: Final = {
        "receipts": "SELECT json_agg(json_build_array(f.key, encode(f.fingerprint, 'hex'), f.response, f.recorded_at)) "
        "FROM unnest(%(receipts)b::text[]) AS k(key) CROSS JOIN LATERAL (SELECT * FROM receipts "
        "WHERE tenant_id = %(tenant)s AND key = k.key OFFSET 0) AS f",
        "versions": "SELECT json_agg(json_build_array(k.key, (SELECT max(version) FROM events "
        "WHERE tenant_id = %(tenant)s AND stream_id = k.key))) FROM unnest(%(versions)b::text[]) AS k(key)",
        "claims": "SELECT json_agg(json_build_array(f.noun, f.ref, f.stream_id)) "
        "FROM unnest(%(nouns)b::text[], %(claims)b::text[]) AS k(noun, ref) CROSS JOIN LATERAL (SELECT * FROM refs "
        "WHERE tenant_id = %(tenant)s AND noun = k.noun AND ref = k.ref OFFSET 0) AS f",
        "data_keys": "SELECT json_agg(f.key_id) FROM unnest(%(data_keys)b::text[]) AS k(key) CROSS JOIN LATERAL "
        "(SELECT * FROM data_keys WHERE tenant_id = %(tenant)s AND key_id = k.key OFFSET 0) AS f",
        "events": "SELECT json_agg(f.event_id) FROM unnest(%(events)b::text[]) AS k(key) CROSS JOIN LATERAL "
        "(SELECT * FROM events WHERE tenant_id = %(tenant)s AND event_id = k.key OFFSET 0) AS f",
        "counts": "SELECT json_agg(json_build_array(k.account, k.topic, (SELECT count(*) FROM events "
        "WHERE tenant_id = %(tenant)s AND account_id = k.account AND type = k.topic))) "
        "FROM unnest(%(accounts)b::text[], %(counts)b::text[]) AS k(account, topic)",
    }
    BEGIN: Final = "INSERT INTO ledgers (tenant_id, head, recorded_at) VALUES (%s, 0, 0) ON CONFLICT DO NOTHING"
    ENTER: Final = "INSERT INTO tenants (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING"
    MOVE: Final = "UPDATE ledgers SET head = %s, recorded_at = %s WHERE tenant_id = %s"

    def lock(self, cursor: Any, tenant_id: str, keys: LookupKeys) -> tuple[int, int, Existing]:
        binds: dict[str, Any] = dict(keys.parts())
        parts = tuple(binds)
        if "claims" in binds:
            binds["nouns"], binds["claims"] = (list(column) for column in zip(*keys.claims, strict=True))
        if "counts" in binds:
            binds["accounts"], binds["counts"] = (list(column) for column in zip(*keys.counts, strict=True))
        while True:
            cursor.execute(self.HEAD, (tenant_id,))
            # A statement of its own: its snapshot must be younger than the lock.
            lookup = cursor.connection.cursor()
            if parts:
                lookup.execute(self.look_up(parts), {"tenant": tenant_id, **binds})
            if row := cursor.fetchone():
                return row[0], row[1], _existing(parts, lookup.fetchone() if parts else ())
            cursor.execute(self.BEGIN, (tenant_id,))
            cursor.execute(self.ENTER, (tenant_id,))

    def insert(self, cursor: Any, batch: Batch) -> None:
        for table, rows in batch.rows():
            shared = (batch.recorded_at, batch.tenant_id) if table in TIME_COLUMN else (batch.tenant_id,)
            cursor.execute(self.insertion(table), (*shared, *(list(column) for column in zip(*rows, strict=True))))
        if batch.events:
            cursor.execute(self.MOVE, (batch.head, batch.recorded_at, batch.tenant_id))

    @staticmethod
    @lru_cache(maxsize=64)
    def look_up(parts: tuple[str, ...]) -> str:
        """The SELECT of some kinds of keys."""
        return "SELECT " + ", ".join(f"({Postgres.PROBES[part]})::text" for part in parts)

    @staticmethod
    @lru_cache(maxsize=64)
    def insertion(table: str) -> str:
        """The INSERT of any number of rows, an array a column. COPY would be no faster, and row-level security forbids it.

        The tenant comes from the head row, which is locked anyway: Citus then inserts where the tenant is, and copies nothing.
        """
        time = ", %s::bigint" if table in TIME_COLUMN else ""
        arrays = ", ".join(f"%b::{kind}[]" for kind in ADDED[table].values())
        head = "(SELECT tenant_id FROM ledgers WHERE tenant_id = %s) AS h"
        columns = ", ".join(_columns(table))
        return f"INSERT INTO {table} ({columns}) SELECT h.tenant_id{time}, u.* FROM {head} CROSS JOIN unnest({arrays}) AS u"


def _columns(table: str) -> list[str]:
    """The columns that are written: those that all rows share first."""
    return ["tenant_id", *([TIME_COLUMN[table]] if table in TIME_COLUMN else []), *ADDED[table]]


def _existing(parts: Iterable[str], row: Sequence[str | None]) -> Existing:
    """What a look-up gave. Takes: the kinds of keys, and a JSON text for each."""
    rows_of = {part: orjson.loads(rows) if rows else [] for part, rows in zip(parts, row, strict=True)}
    return Existing(
        receipts={
            key: receipts.StoredReceipt(bytes.fromhex(fingerprint), receipts.read(response, recorded_at))
            for key, fingerprint, response, recorded_at in rows_of.get("receipts", ())
        },
        versions={stream_id: version for stream_id, version in rows_of.get("versions", ()) if version},
        claims={(noun, ref): stream_id for noun, ref, stream_id in rows_of.get("claims", ())},
        data_keys=set(rows_of.get("data_keys", ())),
        events=set(rows_of.get("events", ())),
        counts={(account, topic): count for account, topic, count in rows_of.get("counts", ())},
    )


STATEMENTS: Final[dict[bool, Statements]] = {False: SQLite(), True: Postgres()}
"""By whether the database is PostgreSQL."""
