"""What the console asks for: open gates of all runs, a tool's earlier grants, the latest runs."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("gates_state", "gates", ["state", "expires_ms", "root", "gate"])
    op.create_index("gates_tool", "gates", ["tool", "state", "opened_ms"])
    op.create_index("runs_started", "runs", ["started_ms", "root"])
