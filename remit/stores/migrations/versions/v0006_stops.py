"""Stops: what is to be called no more until somebody lets it go on."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "stops",
        sa.Column("name", _TEXT, primary_key=True, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("undos", sa.BigInteger, nullable=False),
        sa.Column("by", _TEXT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("stops_in_force", "stops", ["state", "name"])
