"""Releases of policies, in their order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from remit.stores.database import named

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table; the database itself refuses to change or delete its rows."""
    op.create_table(
        "releases",
        _whole("serial", key=True),
        _text("revision"),
        _text("archive"),
        _text("key"),
        _text("origin"),
        _text("author"),
        _text("reason"),
        _text("approvals"),
        _text("report"),
        _whole("floor"),
        _whole("published_ms"),
    )
    op.create_index("releases_revision", "releases", ["revision", "serial"])
    for statement in named(op.get_bind().dialect.name).append_only("releases"):
        op.execute(statement)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False)


def _whole(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)
