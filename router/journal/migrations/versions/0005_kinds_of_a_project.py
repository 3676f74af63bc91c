"""What a project has by kind: its few invoices are not looked for among all its time entries."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index the kind beside the project or customer."""
    op.drop_index("transactions_lane", "transactions")
    op.create_index("transactions_lane", "transactions", ["ordering_key", "kind"])


def downgrade() -> None:
    """A journal is never taken back: the truth in it would be lost. Restore a backup instead."""
    msg = "the journal's tables can't be removed"
    raise RuntimeError(msg)
