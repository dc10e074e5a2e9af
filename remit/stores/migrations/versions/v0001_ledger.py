"""The first tables of the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from remit.stores.database import named

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them, the append-only ones with the triggers that keep them so."""
    _create_content()
    _create_runs()
    _create_actions()
    _create_attempts()
    _create_gates()
    for table in ("contents", "records"):
        for statement in named(op.get_bind().dialect.name).append_only(table):
            op.execute(statement)


_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=False)


def _whole(name: str, *, key: bool = False, absent: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=absent, autoincrement=False)


def _create_content() -> None:
    op.create_table(
        "contents",
        _text("digest", key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "chains",
        _text("root", key=True),
        _text("head"),
        _whole("length"),
        _whole("calls"),
        _whole("effects"),
        _whole("denials"),
        _whole("undone"),
        _whole("spent_micros"),
        _whole("reserved_micros"),
        _whole("barriers"),
        _whole("stray_votes"),
    )
    op.create_table(
        "records",
        sa.Column("root", _TEXT, sa.ForeignKey("chains.root"), primary_key=True, nullable=False),
        _whole("seq", key=True),
        _whole("at_ms"),
        _text("kind"),
        _text("body"),
        _text("prev"),
        _text("hash"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("root", _TEXT, sa.ForeignKey("chains.root"), primary_key=True, nullable=False),
        _text("workflow_id"),
        _text("plan"),
        _text("plan_digest"),
        _text("compiled"),
        _text("agent"),
        _text("on_behalf_of"),
        _text("tenant"),
        _text("owner"),
        _whole("started_ms"),
        _whole("deadline_ms"),
        _text("currency"),
        _whole("limit_micros", absent=True),
        _text("closed"),
    )
    op.create_index("runs_closed", "runs", ["closed", "root"])
    op.create_table(
        "admissions",
        sa.Column("root", _TEXT, sa.ForeignKey("runs.root"), primary_key=True, nullable=False),
        _text("path", key=True),
        _text("compiled"),
        _text("inputs"),
        _text("decision_id"),
        _text("revision"),
    )


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("root", _TEXT, sa.ForeignKey("runs.root"), primary_key=True, nullable=False),
        _text("path", key=True),
        _text("direction", key=True),
        _text("parent"),
        _text("step"),
        _whole("item"),
        _whole("iteration"),
        _whole("generation"),
        _text("compiled"),
        _text("tool"),
        _text("contract"),
        _text("operation"),
        _text("state"),
        _whole("attempts"),
        _whole("refusals"),
        _text("owner"),
        _whole("lease_until_ms"),
        _text("request_digest"),
        _text("proposed_digest"),
        _text("enforced_digest"),
        _text("arguments"),
        sa.Column("output", sa.Text),
        sa.Column("undo_tool", sa.Text),
        sa.Column("undo_contract", sa.Text),
        sa.Column("undo_arguments", sa.Text),
        _text("decision_id"),
        _text("revision"),
        _whole("begun_ms"),
        _whole("ended_ms", absent=True),
        _whole("effect_order"),
        _text("code"),
        sa.Column("faulty", sa.Integer, nullable=False),
        _whole("reserved_micros"),
        _whole("spent_micros"),
    )
    op.create_index("actions_place", "actions", ["root", "parent", "step"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        _text("root", key=True),
        _text("path", key=True),
        _text("direction", key=True),
        _whole("attempt", key=True),
        _text("owner"),
        _whole("lease_until_ms"),
        _whole("begun_ms"),
        _whole("ended_ms", absent=True),
        _text("outcome"),
        _text("code"),
        _text("message"),
        sa.ForeignKeyConstraint(
            ["root", "path", "direction"], ["actions.root", "actions.path", "actions.direction"]
        ),
    )
    op.create_table(
        "barriers",
        sa.Column("root", _TEXT, sa.ForeignKey("chains.root"), primary_key=True, nullable=False),
        _text("path", key=True),
        _whole("generation"),
    )
    op.create_table(
        "counters",
        _text("name", key=True),
        _whole("value"),
    )
    op.create_table(
        "reservations",
        _text("root", key=True),
        _text("path", key=True),
        _text("direction", key=True),
        sa.Column(
            "counter", _TEXT, sa.ForeignKey("counters.name"), primary_key=True, nullable=False
        ),
        _whole("amount"),
        _text("state"),
    )


def _create_gates() -> None:
    op.create_table(
        "gates",
        sa.Column("root", _TEXT, sa.ForeignKey("chains.root"), primary_key=True, nullable=False),
        _text("gate", key=True),
        _text("step_key"),
        _whole("number"),
        _text("code"),
        _text("role"),
        _whole("quorum"),
        _text("request_digest"),
        _text("proposed_digest"),
        _text("enforced_digest"),
        _text("tool"),
        _text("domain"),
        _text("card"),
        _whole("opened_ms"),
        _whole("expires_ms"),
        _text("state"),
        _text("voters"),
        _text("consumed_by"),
        _whole("refused_votes"),
    )
    op.create_index("gates_step_key", "gates", ["root", "step_key"])
    op.create_table(
        "votes",
        sa.Column("root", _TEXT, sa.ForeignKey("chains.root"), primary_key=True, nullable=False),
        _text("event", key=True),
        _whole("seq"),
        _text("gate"),
        _text("by"),
        _text("verdict"),
        sa.Column("counted", sa.Integer, nullable=False),
        _text("code"),
        _text("reason"),
        _text("body"),
    )
    op.create_index("votes_gate", "votes", ["root", "gate", "seq"])
