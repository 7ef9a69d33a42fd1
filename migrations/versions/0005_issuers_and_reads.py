"""Which tenant an issuer's tokens let in, and who has read what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Creates the tables."""
    text, big = sa.Text, sa.BigInteger
    op.create_table(
        "issuers",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("issuer_id", text, primary_key=True),
        sa.Column("mark", text, nullable=False),
    )
    op.create_index("issuers_mark", "issuers", ["mark"])
    op.create_table(
        "reads",
        sa.Column("tenant_id", text, primary_key=True),
        sa.Column("read_id", text, primary_key=True),
        sa.Column("read_at", big, nullable=False),
        sa.Column("actor", text, nullable=False),
        sa.Column("on_behalf_of", text),
        sa.Column("client", text),
        sa.Column("run", text),
        sa.Column("operation", text, nullable=False),
        sa.Column("target", text, nullable=False),
        sa.Column("query", text, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("texts", big, nullable=False),
        sa.Column("reason", text),
    )
    op.create_index("reads_actor", "reads", ["tenant_id", "actor", "read_id"])
    op.create_index("reads_read_at", "reads", ["tenant_id", "read_at"])


def downgrade() -> None:
    """Not possible: a ledger is never undone."""
    raise RuntimeError("the ledger cannot be undone; drop the database if that is what you mean")
