"""Tokens that were used, and who started a run."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from remit.stores.database import named

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table, whose rows stay; of no run before is it known who started it."""
    op.add_column("runs", sa.Column("starter", _TEXT, nullable=False, server_default=""))
    op.create_table(
        "nonces",
        sa.Column("issuer", _TEXT, primary_key=True, nullable=False),
        sa.Column("nonce", _TEXT, primary_key=True, nullable=False),
        sa.Column("root", _TEXT, nullable=False),
        sa.Column("event", _TEXT, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False, autoincrement=False),
    )
    for statement in named(op.get_bind().dialect.name).append_only("nonces"):
        op.execute(statement)
