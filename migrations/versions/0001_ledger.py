"""The ledger: events, receipts, references, keys, positions and the inbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables, and the trigger that keeps history; on PostgreSQL also what the policies ask for the tenant."""
    _tenant_of_transaction()
    _tables()
    _keep_history()


def _tenant_of_transaction() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        """CREATE FUNCTION steward_tenant() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
        DECLARE tenant text := current_setting('app.tenant', true);
        BEGIN
            IF tenant IS NULL OR tenant = '' THEN
                RAISE EXCEPTION 'app.tenant is not set in this transaction' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN tenant;
        END $$"""
    )


def _tables() -> None:
    text, big, blob = sa.Text, sa.BigInteger, sa.LargeBinary
    op.create_table(
        "ledgers",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("head", big, nullable=False),
        sa.Column("recorded_at", big, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("position", big, primary_key=True, autoincrement=False),
        sa.Column("event_id", text, nullable=False),
        sa.Column("stream_id", text, nullable=False),
        sa.Column("version", big, nullable=False),
        sa.Column("account_id", text),
        sa.Column("type", text, nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("effective_at", big, nullable=False),
        sa.Column("recorded_at", big, nullable=False),
        sa.Column("actor", text, nullable=False),
        sa.Column("body", blob, nullable=False),
        sa.Column("leaf", blob, nullable=False),
    )
    op.create_index("events_stream", "events", ["tenant_id", "stream_id", "version"], unique=True)
    op.create_index("events_event_id", "events", ["tenant_id", "event_id"], unique=True)
    op.create_index("events_account", "events", ["tenant_id", "account_id", "position"])
    op.create_index("events_recorded_at", "events", ["tenant_id", "recorded_at", "position"])
    op.create_table(
        "receipts",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("key", text, primary_key=True),
        sa.Column("fingerprint", blob, nullable=False),
        sa.Column("response", text, nullable=False),
        sa.Column("recorded_at", big, nullable=False),
    )
    op.create_table(
        "refs",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("noun", text, primary_key=True),
        sa.Column("ref", text, primary_key=True),
        sa.Column("stream_id", text, nullable=False),
    )
    for table, key in (("data_keys", "key_id"), ("secrets", "secret_id")):
        op.create_table(
            table,
            sa.Column("tenant_id", text, primary_key=True),
            sa.Column(key, text, primary_key=True),
            sa.Column("wrapped", blob, nullable=False),
            sa.Column("created_at", big, nullable=False),
        )
    op.create_table(
        "endpoints",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("endpoint_id", text, primary_key=True),
    )
    op.create_index("endpoints_endpoint_id", "endpoints", ["endpoint_id"])
    op.create_table(
        "positions",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("follower", text, primary_key=True),
        sa.Column("position", big, nullable=False),
        sa.Column("parked_at", big),
        sa.Column("fault", text),
        sa.Column("updated_at", big, nullable=False),
    )
    op.create_table(
        "inbox",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("endpoint_id", text, primary_key=True),
        sa.Column("message_id", text, primary_key=True),
        sa.Column("body_sha256", blob, nullable=False),
        sa.Column("sealed_body", blob, nullable=False),
        sa.Column("headers", text, nullable=False),
        sa.Column("received_at", big, nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("code", text),
        sa.Column("position", big),
    )
    op.create_index("inbox_state", "inbox", ["tenant_id", "state", "received_at"])
    op.create_index("inbox_endpoint", "inbox", ["tenant_id", "endpoint_id", "received_at", "message_id"])


def _keep_history() -> None:
    """Events are never changed and never removed, by any role."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """CREATE FUNCTION steward_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'events are for ever: % refused', TG_OP USING ERRCODE = 'insufficient_privilege'; END $$"""
        )
        op.execute(
            "CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON events "
            "FOR EACH ROW EXECUTE FUNCTION steward_keep_history()"
        )
        op.execute(
            "CREATE TRIGGER keep_history_whole BEFORE TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION steward_keep_history()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
            f"BEGIN SELECT RAISE(ABORT, 'events are for ever: {verb} refused'); END"
        )


def downgrade() -> None:
    """Not possible: a ledger is never undone."""
    raise RuntimeError("the ledger cannot be undone; drop the database if that is what you mean")
