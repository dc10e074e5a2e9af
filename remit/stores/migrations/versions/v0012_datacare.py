"""Classes of data that were found in a run, and answers in quarantine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "detected", *(_text(name, key=True) for name in ("root", "place", "data_class"))
    )
    op.create_table(
        "quarantine",
        _text("reference", key=True),
        *(_text(name) for name in ("root", "path", "tenant", "tool", "contract", "owner")),
        *(_text(name) for name in ("code", "misses", "output")),
        _whole("size"),
        _whole("at_ms"),
        *(_text(name) for name in ("state", "by", "reason")),
        _whole("ended_ms"),
    )
    op.create_index("quarantine_state", "quarantine", ["state", "at_ms"])
    op.create_index("quarantine_output", "quarantine", ["output", "tenant", "tool"])
