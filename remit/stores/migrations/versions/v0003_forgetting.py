"""What each content is, what of it is forgotten, and what it is encrypted with.

Contents stay append-only but for two things. A body may be written anew under another key; and it
may be overwritten, or come back, while a tombstone stands for it. The tables take a tombstone only
beside the `forgotten` record that tells why, and while no record that must be kept names the
content. Rows never go: SQLite would move others about and leave copies of them behind.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_HELD = "EXISTS (SELECT 1 FROM holdings WHERE digest = NEW.digest AND state IN ('held', 'kept'))"
_TOLD = (
    "EXISTS (SELECT 1 FROM records WHERE root = NEW.root AND seq = NEW.seq AND kind = 'forgotten')"
)
_TRIGGERS = {
    "sqlite": [
        "DROP TRIGGER IF EXISTS contents_no_update",
        "CREATE TRIGGER contents_no_update BEFORE UPDATE ON contents "
        "WHEN NEW.digest <> OLD.digest OR (NEW.key = OLD.key "
        "AND NOT EXISTS (SELECT 1 FROM tombstones WHERE digest = OLD.digest)) "
        "BEGIN SELECT RAISE(ABORT, 'contents is append-only'); END",
        "CREATE TRIGGER tombstones_told BEFORE INSERT ON tombstones WHEN $HELD OR NOT $TOLD "
        "BEGIN SELECT RAISE(ABORT, 'a content that is held, or of which no record tells'); END",
        "CREATE TRIGGER tombstones_no_update BEFORE UPDATE ON tombstones "
        "BEGIN SELECT RAISE(ABORT, 'a tombstone is not moved'); END",
        "CREATE TRIGGER tombstones_stand BEFORE DELETE ON tombstones "
        "WHEN NOT EXISTS (SELECT 1 FROM contents WHERE digest = OLD.digest "
        "AND body <> zeroblob(length(body))) "
        "BEGIN SELECT RAISE(ABORT, 'a tombstone goes when its content comes back'); END",
    ],
    "postgresql": [
        "DROP TRIGGER IF EXISTS contents_append_only ON contents",
        "CREATE OR REPLACE FUNCTION remit_contents() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' AND NEW.digest = OLD.digest AND (NEW.key <> OLD.key "
        "OR EXISTS (SELECT 1 FROM tombstones WHERE digest = OLD.digest)) THEN "
        "RETURN NEW; END IF; "
        "RAISE EXCEPTION 'contents is append-only'; END $$",
        "CREATE TRIGGER contents_append_only BEFORE UPDATE OR DELETE ON contents "
        "FOR EACH ROW EXECUTE FUNCTION remit_contents()",
        "CREATE OR REPLACE FUNCTION remit_tombstones() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN "
        "IF TG_OP = 'INSERT' AND NOT $HELD AND $TOLD THEN RETURN NEW; END IF; "
        "IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM contents WHERE digest = OLD.digest "
        "AND body <> decode(repeat('00', length(body)), 'hex')) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION 'a tombstone stands for what is told and not held'; END $$",
        "CREATE OR REPLACE TRIGGER tombstones_told BEFORE INSERT OR UPDATE OR DELETE ON tombstones "
        "FOR EACH ROW EXECUTE FUNCTION remit_tombstones()",
    ],
}


def upgrade() -> None:
    """Create the tables and put the new triggers in place of two old ones."""
    op.add_column("contents", sa.Column("key", _TEXT, nullable=False, server_default=""))
    op.create_table("unindexed", _text("root", key=True), _whole("upto"))
    _create_holdings()
    op.create_table("tombstones", _text("digest", key=True), _text("root"), _whole("seq"))
    op.create_table(
        "retained", _text("root", key=True), _text("by"), _text("reason"), _whole("at_ms")
    )
    op.create_table("content_keys", _text("key", key=True), _whole("since_ms"))
    op.execute("INSERT INTO unindexed (root, upto) SELECT root, 0 FROM chains")
    for statement in _triggers(op.get_bind().dialect.name):
        op.execute(statement)


def _triggers(dialect: str) -> Sequence[str]:
    made = _TRIGGERS[dialect]
    return [one.replace("$HELD", _HELD).replace("$TOLD", _TOLD) for one in made]


def _create_holdings() -> None:
    op.create_table(
        "holdings",
        _text("root", key=True),
        _whole("seq", key=True),
        _text("digest", key=True),
        _text("kind"),
        _text("classes"),
        _text("place"),
        _text("state"),
        _whole("ended_ms"),
        _whole("gone"),
    )
    op.create_index("holdings_digest", "holdings", ["digest", "root"])
    op.create_index("holdings_due", "holdings", ["state", "classes", "ended_ms"])


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=False)


def _whole(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)
