"""The tables that cannot be rebuilt from the log. Alembic owns them; every key leads with the tenant, where there is one."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata: Final = MetaData()
REFERENCE: Final = {"distribution": "reference"}
"""Of a table that is read across tenants: where the database is distributed, each node has all of it. Others have their tenants' rows."""

ledgers = Table(
    "ledgers",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("head", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)
"""One row per tenant: the last position and its time. Its row lock is what orders a tenant's log."""

tenants = Table("tenants", metadata, Column("tenant_id", Text, primary_key=True), info=REFERENCE)
"""Every tenant that has a ledger, known also while the node that has the ledger is away."""

events = Table(
    "events",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("stream_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("account_id", Text),
    Column("type", Text, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Index("events_stream", "tenant_id", "stream_id", "version", unique=True),
    Index("events_event_id", "tenant_id", "event_id", unique=True),
    Index("events_account", "tenant_id", "account_id", "position"),
    Index("events_recorded_at", "tenant_id", "recorded_at", "position"),
)
"""The log. Instants are microseconds since 1970; body and leaf are bytes and are never written again."""

receipts = Table(
    "receipts",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("response", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)
"""The answer to each request, by idempotency key or by (source, external id), for ever."""

refs = Table(
    "refs",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("noun", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("stream_id", Text, nullable=False),
)
"""Callers' own references: unique per tenant and noun."""

data_keys = Table(
    "data_keys",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""Data keys of the vault, wrapped. Deleting a row erases what was sealed under it."""

secrets = Table(
    "secrets",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("secret_id", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""Secrets of webhook endpoints, encrypted under the tenant's key."""

endpoints = Table(
    "endpoints",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("endpoint_id", Text, primary_key=True),
    Index("endpoints_endpoint_id", "endpoint_id"),
    info=REFERENCE,
)
"""The tenant of each webhook endpoint: a sender has no API key that would name it."""

issuers = Table(
    "issuers",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("issuer_id", Text, primary_key=True),
    Column("mark", Text, nullable=False),
    Index("issuers_mark", "mark"),
    info=REFERENCE,
)
"""The tenant of each issuer of access tokens, by a digest of issuer and audience: a token names no tenant either."""

reads = Table(
    "reads",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("read_id", Text, primary_key=True),
    Column("read_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("on_behalf_of", Text),
    Column("client", Text),
    Column("run", Text),
    Column("operation", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("texts", BigInteger, nullable=False),
    Column("reason", Text),
    Index("reads_actor", "tenant_id", "actor", "read_id"),
    Index("reads_read_at", "tenant_id", "read_at"),
)
"""Who has read what of persons, what was exported, and what auditors read; kept for a time that is set. Ids are in the order of time."""

positions = Table(
    "positions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("follower", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("parked_at", BigInteger),
    Column("fault", Text),
    Column("updated_at", BigInteger, nullable=False),
    Column("grows_to", BigInteger),
)
"""How far each follower has read; `parked_at` is the position of a poison event, `fault` its error's name, `grows_to` the ledger's
head when it last began at 0."""

inbox = Table(
    "inbox",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("endpoint_id", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("sealed_body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", Text),
    Column("position", BigInteger),
    Index("inbox_state", "tenant_id", "state", "received_at"),
    Index("inbox_endpoint", "tenant_id", "endpoint_id", "received_at", "message_id"),
)
"""Webhook messages as they arrived, encrypted under the tenant's key: waiting, done or parked."""

TENANT_TABLES: Final = tuple(metadata.tables.values())
"""The tables whose rows each belong to one tenant."""

root_key = Table(
    "root_key",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("check_value", LargeBinary, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)
"""Under which root key the database is sealed: one row, of a value that only the key can make."""
