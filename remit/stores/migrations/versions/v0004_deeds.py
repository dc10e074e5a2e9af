"""What runs did, and what was done to a thing, as counts that a decision can read at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_COUNTED = """
INSERT INTO deeds (scope, tool, times)
SELECT root, tool, count(*) FROM actions AS done
WHERE direction = 'do' AND state = 'happened' AND faulty = 0 AND operation <> 'plan'
AND NOT EXISTS (
    SELECT 1 FROM actions AS undone WHERE undone.root = done.root AND undone.path = done.path
    AND undone.direction = 'undo' AND undone.state = 'happened'
)
GROUP BY root, tool
"""


def upgrade() -> None:
    """Create the table and count what was done; no action of before named what it was about."""
    op.add_column("actions", sa.Column("resource", _TEXT, nullable=False, server_default=""))
    op.create_table(
        "deeds",
        sa.Column("scope", _TEXT, primary_key=True, nullable=False),
        sa.Column("tool", _TEXT, primary_key=True, nullable=False),
        sa.Column("times", sa.BigInteger, nullable=False, autoincrement=False),
    )
    op.execute(_COUNTED)
