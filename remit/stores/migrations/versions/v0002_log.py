"""The log of all records: what waits for it, its leaves and nodes, signed heads, policy bundles."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from remit.stores.database import named

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OUTBOX = {
    "sqlite": [
        "CREATE TRIGGER records_pending AFTER INSERT ON records BEGIN "
        "INSERT INTO pending (root, seq, hash) VALUES (NEW.root, NEW.seq, NEW.hash); END"
    ],
    "postgresql": [
        # With its owner's rights: who may write records needs none on what waits.
        "CREATE OR REPLACE FUNCTION remit_pending() RETURNS trigger LANGUAGE plpgsql "
        "SECURITY DEFINER SET search_path = public AS $$ BEGIN "
        "INSERT INTO pending (root, seq, hash) VALUES (NEW.root, NEW.seq, NEW.hash); "
        "RETURN NULL; END $$",
        "CREATE TRIGGER records_pending AFTER INSERT ON records "
        "FOR EACH ROW EXECUTE FUNCTION remit_pending()",
    ],
}


_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables; every record that stands already waits for its leaf."""
    _create_log()
    _create_beside()
    for table in ("leaves", "nodes", "checkpoints", "bundles"):
        for statement in named(op.get_bind().dialect.name).append_only(table):
            op.execute(statement)
    op.execute(
        "INSERT INTO pending (root, seq, hash) SELECT root, seq, hash FROM records "
        "ORDER BY at_ms, root, seq"
    )
    for statement in _outbox(op.get_bind().dialect.name):
        op.execute(statement)


def _outbox(dialect: str) -> Sequence[str]:
    """Return what makes every new record wait, whoever writes it."""
    return _OUTBOX[dialect]


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=False)


def _whole(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _create_log() -> None:
    number = sa.Integer().with_variant(sa.BigInteger, "postgresql")
    op.create_table(
        "pending",
        sa.Column("id", number, primary_key=True, nullable=False, autoincrement=True),
        _text("root"),
        _whole("seq"),
        _text("hash"),
    )
    op.create_table(
        "leaves", _whole("position", key=True), _text("root"), _whole("seq"), _bytes("hash")
    )
    op.create_index("leaves_record", "leaves", ["root", "seq"], unique=True)
    op.create_table(
        "nodes", _whole("level", key=True), _whole("position", key=True), _bytes("hash")
    )
    op.create_table(
        "checkpoints", _whole("size", key=True), _whole("at_ms"), _text("key"), _text("note")
    )


def _create_beside() -> None:
    op.create_table(
        "bundles", _text("revision", key=True), _text("digest"), _whole("at_ms"), _bytes("body")
    )
    op.create_table("unsealed", _text("root", key=True), _text("workflow_id"))
    op.create_index("runs_workflow", "runs", ["workflow_id", "started_ms"])
