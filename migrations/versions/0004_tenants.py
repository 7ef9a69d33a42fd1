"""Who the tenants are, apart from their ledgers: so that they are known while a part of the database is away."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Creates the table, with those that there are."""
    op.create_table("tenants", sa.Column("tenant_id", sa.Text, primary_key=True))
    op.execute("INSERT INTO tenants (tenant_id) SELECT tenant_id FROM ledgers")


def downgrade() -> None:
    """Not possible: a ledger is never undone."""
    raise RuntimeError("the ledger cannot be undone; drop the database if that is what you mean")
