"""How far a view has to read before it answers, since its table was made."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column. Views that were there before have grown."""
    op.add_column("positions", sa.Column("grows_to", sa.BigInteger))


def downgrade() -> None:
    """Not possible: a ledger is never undone."""
    raise RuntimeError("the ledger cannot be undone; drop the database if that is what you mean")
