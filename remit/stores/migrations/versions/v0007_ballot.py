"""Gates that ask further roles as time goes by, votes that know when they were written."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; gates of before asked one role, and claims of before have lapsed."""
    op.add_column("gates", sa.Column("turns", _TEXT, nullable=False, server_default="[]"))
    op.add_column("votes", sa.Column("at_ms", sa.BigInteger, nullable=False, server_default="0"))
