"""Messages that were sent to people, and what the sender asks for, by index."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_TOLD = sa.text("kind IN ('gate_end', 'notice')")
_BROKEN = sa.text(
    "direction = 'undo' AND state IN ('failed', 'refused') AND code <> 'UNDO-HANDED-OVER'"
)


def upgrade() -> None:
    """Create them; gates of before remind nobody."""
    op.create_table(
        "sent",
        sa.Column("notice", _TEXT, primary_key=True, nullable=False),
        sa.Column("channel", _TEXT, primary_key=True, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.add_column(
        "gates", sa.Column("remind_ms", sa.BigInteger, nullable=False, server_default="0")
    )
    # Few rows each: neither costs a call anything that is not about a gate or a notice.
    for name, table, columns, only in (
        ("records_told", "records", ["at_ms", "root", "seq"], _TOLD),
        ("actions_broken", "actions", ["root", "path"], _BROKEN),
    ):
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)
