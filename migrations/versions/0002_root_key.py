"""The record of the root key under which a database is sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table; on PostgreSQL the application may read it and add to it, never change it."""
    op.create_table(
        "root_key",
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("check_value", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT ON root_key TO steward_app")
        op.execute("GRANT SELECT ON root_key TO steward_directory")


def downgrade() -> None:
    """Not possible: a ledger is never undone."""
    raise RuntimeError("the ledger cannot be undone; drop the database if that is what you mean")
