"""The statements of an append, for the driver's own cursor: few, each for a whole batch.

Each call of the driver gives the interpreter's lock away, and beside a busy event loop it comes back late: what a batch
asks for and what it adds goes over in as few steps as there can be, whatever the number of commands.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Protocol

import orjson

from app.store import receipts
from app.store.batch import Batch, Found, Wanted

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
BORN: Final = {"events": "recorded_at", "receipts": "recorded_at", "data_keys": "created_at"}
"""The column that bears the time of the batch, where a table has one."""


class Statements(Protocol):
    """How a database is asked and told. Every statement names one tenant; every look-up is one index probe a key."""

    def lock(self, cursor: Any, tenant_id: str, wanted: Wanted) -> tuple[int, int, Found]:
        """Locks the head row, which begins when there is none. Gives: the head, its time, and what is there."""

    def add(self, cursor: Any, batch: Batch) -> None:
        """Adds what a batch has gathered and moves the head."""


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
    }
    BEGIN: Final = "INSERT INTO ledgers (tenant_id, head, recorded_at) VALUES (?, 0, 0)"
    MOVE: Final = "UPDATE ledgers SET head = ?, recorded_at = ? WHERE tenant_id = ?"
    MOST: Final = 256
    """How many rows an INSERT has at most. One of many rows is one step, where `executemany` is a step for each."""

    def lock(self, cursor: Any, tenant_id: str, wanted: Wanted) -> tuple[int, int, Found]:
        asked = {part: orjson.dumps(keys).decode() for part, keys in wanted.parts()}
        query = self.look_up(tuple(asked))
        row = cursor.execute(query, {"tenant": tenant_id, **asked}).fetchone()
        if row is None:
            cursor.execute(self.BEGIN, (tenant_id,))
            row = cursor.execute(query, {"tenant": tenant_id, **asked}).fetchone()
        return row[0], row[1], _found(asked, row[2:])

    def add(self, cursor: Any, batch: Batch) -> None:
        for table, rows in batch.rows():
            shared = (batch.tenant_id, batch.recorded_at) if table in BORN else (batch.tenant_id,)
            at = 0
            while at < len(rows):
                # Sizes are powers of two: few statements to prepare, and few steps.
                size = min(self.MOST, 1 << (len(rows) - at).bit_length() - 1)
                cursor.execute(self.insert(table, size), (*shared, *chain.from_iterable(rows[at : at + size])))
                at += size
        if batch.events:
            cursor.execute(self.MOVE, (batch.head, batch.recorded_at, batch.tenant_id))

    @staticmethod
    @lru_cache(maxsize=64)
    def look_up(parts: tuple[str, ...]) -> str:
        """The SELECT of the head and of some parts of what can be asked for."""
        probes = "".join(f", ({SQLite.PROBES[part]})" for part in parts)
        return f"SELECT head, recorded_at{probes} FROM ledgers WHERE ledgers.tenant_id = :tenant"

    @staticmethod
    @lru_cache(maxsize=64)
    def insert(table: str, size: int) -> str:
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
    }
    BEGIN: Final = "INSERT INTO ledgers (tenant_id, head, recorded_at) VALUES (%s, 0, 0) ON CONFLICT DO NOTHING"
    MOVE: Final = "UPDATE ledgers SET head = %s, recorded_at = %s WHERE tenant_id = %s"

    def lock(self, cursor: Any, tenant_id: str, wanted: Wanted) -> tuple[int, int, Found]:
        asked: dict[str, Any] = dict(wanted.parts())
        names = tuple(asked)
        if "claims" in asked:
            asked["nouns"], asked["claims"] = (list(column) for column in zip(*wanted.claims, strict=True))
        while True:
            cursor.execute(self.HEAD, (tenant_id,))
            # A statement of its own: its snapshot must be younger than the lock.
            looking = cursor.connection.cursor()
            if names:
                looking.execute(self.look_up(names), {"tenant": tenant_id, **asked})
            if row := cursor.fetchone():
                return row[0], row[1], _found(names, looking.fetchone() if names else ())
            cursor.execute(self.BEGIN, (tenant_id,))

    def add(self, cursor: Any, batch: Batch) -> None:
        for table, rows in batch.rows():
            shared = (batch.tenant_id, batch.recorded_at) if table in BORN else (batch.tenant_id,)
            cursor.execute(self.insert(table), (*shared, *(list(column) for column in zip(*rows, strict=True))))
        if batch.events:
            cursor.execute(self.MOVE, (batch.head, batch.recorded_at, batch.tenant_id))

    @staticmethod
    @lru_cache(maxsize=64)
    def look_up(parts: tuple[str, ...]) -> str:
        """The SELECT of some parts of what can be asked for."""
        return "SELECT " + ", ".join(f"({Postgres.PROBES[part]})::text" for part in parts)

    @staticmethod
    @lru_cache(maxsize=64)
    def insert(table: str) -> str:
        """The INSERT of any number of rows, an array a column. COPY would be no faster, and row-level security forbids it."""
        shared = ", ".join(["%s::text", "%s::bigint"][: len(_columns(table)) - len(ADDED[table])])
        arrays = ", ".join(f"%b::{kind}[]" for kind in ADDED[table].values())
        return f"INSERT INTO {table} ({', '.join(_columns(table))}) SELECT {shared}, u.* FROM unnest({arrays}) AS u"


def _columns(table: str) -> list[str]:
    """The columns that are written: those that all rows share first."""
    return ["tenant_id", *([BORN[table]] if table in BORN else []), *ADDED[table]]


def _found(parts: Iterable[str], row: Sequence[str | None]) -> Found:
    """What the JSON texts of a look-up say."""
    told = {part: orjson.loads(rows) if rows else [] for part, rows in zip(parts, row, strict=True)}
    return Found(
        {
            key: receipts.StoredReceipt(bytes.fromhex(fingerprint), receipts.read(response, recorded_at))
            for key, fingerprint, response, recorded_at in told.get("receipts", ())
        },
        {stream_id: version for stream_id, version in told.get("versions", ()) if version},
        {(noun, ref): stream_id for noun, ref, stream_id in told.get("claims", ())},
        set(told.get("data_keys", ())),
        set(told.get("events", ())),
    )


STATEMENTS: Final[dict[bool, Statements]] = {False: SQLite(), True: Postgres()}
"""By whether the database is PostgreSQL."""
