"""Calls at work where only so many may be at once, and breakers of services that fail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "slots",
        *(
            sa.Column(name, _TEXT, primary_key=True, nullable=False)
            for name in ("name", "root", "path", "direction")
        ),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "breakers",
        sa.Column("name", _TEXT, primary_key=True, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("failures", "since_ms", "until_ms")
        ),
        sa.Column("trial", _TEXT, nullable=False),
    )
