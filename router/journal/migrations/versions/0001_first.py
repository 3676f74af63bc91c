"""The first tables of the journal."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    kind = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, kind, nullable=null)


def _number(name: str, *, autoincrement: bool | None = None, null: bool = False) -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(
        name, kind, autoincrement="auto" if autoincrement is None else autoincrement, nullable=null
    )


def _partial(name: str, table: str, columns: list[str], *, where: str, unique: bool) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    """Make them."""
    _accepted()
    _delivery()
    _routing()
    _feeds_and_runs()


def _accepted() -> None:
    op.create_table(
        "decisions",
        _number("seq"),
        _number("n"),
        _text("at"),
        _text("rule"),
        _number("table_version"),
        _text("authority", null=True),
        _text("shadow", null=True),
        _number("hold"),
        _text("why"),
        _number("epoch"),
        sa.PrimaryKeyConstraint("seq", "n"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history",
        _number("history_id", autoincrement=True),
        _number("seq", null=True),
        _text("at"),
        _text("what"),
        _text("detail"),
        sa.PrimaryKeyConstraint("history_id"),
    )
    _partial("history_of", "history", ["seq"], where="seq IS NOT NULL", unique=False)
    op.create_table(
        "processes",
        _text("correlation_id"),
        _text("state"),
        _text("at"),
        sa.PrimaryKeyConstraint("correlation_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "transactions",
        _number("seq", autoincrement=True),
        _text("client"),
        _text("idempotency_key"),
        _text("fingerprint"),
        _text("kind"),
        _text("document_id", null=True),
        _number("transactional"),
        _text("source"),
        _text("event_id"),
        _text("verb"),
        sa.Column("received", sa.LargeBinary(), nullable=False),
        _text("canonical", null=True),
        _text("problem"),
        _text("correlation_id"),
        _text("legal_entity"),
        _text("accounting_date"),
        _text("ordering_key"),
        _text("currency"),
        _number("amount_minor"),
        _number("deliver"),
        _text("state"),
        _number("job_id", null=True),
        _text("authority", null=True),
        _text("accepted_at"),
        sa.PrimaryKeyConstraint("seq"),
    )
    _partial(
        "transactions_again", "transactions", ["kind", "document_id"], where="transactional = 0", unique=False
    )
    op.create_index("transactions_key", "transactions", ["client", "idempotency_key"], unique=True)
    _partial(
        "transactions_once", "transactions", ["kind", "document_id"], where="transactional = 1", unique=True
    )
    op.create_index("transactions_process", "transactions", ["correlation_id"], unique=False)
    _partial(
        "transactions_resting",
        "transactions",
        ["state", "legal_entity"],
        where="state IN ('held','parked')",
        unique=False,
    )


def _delivery() -> None:
    op.create_table(
        "attempts",
        _number("job_id"),
        _number("token"),
        _text("purpose"),
        _text("worker"),
        _text("claimed_at"),
        _text("settled_at", null=True),
        _text("event", null=True),
        _text("code", null=True),
        _text("why", null=True),
        _number("exchange_id", null=True),
        _text("outcome", null=True),
        sa.PrimaryKeyConstraint("job_id", "token"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "crosswalk",
        _text("system"),
        _text("kind"),
        _text("document_id"),
        _text("vendor_id"),
        _text("at"),
        sa.PrimaryKeyConstraint("system", "kind", "document_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exchanges",
        _number("exchange_id", autoincrement=True),
        _text("at"),
        _text("target"),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id"),
    )
    op.create_table(
        "jobs",
        _number("job_id", autoincrement=False),
        _text("target"),
        _text("lane"),
        _text("role"),
        _text("operation"),
        _text("kind"),
        _text("external_id"),
        _text("legal_entity"),
        _number("commutes"),
        _text("state"),
        _number("attempts"),
        _text("due"),
        _text("waiting_since"),
        _text("settled_at", null=True),
        _text("code"),
        _text("why"),
        _number("doubtful"),
        _text("facts", null=True),
        sa.PrimaryKeyConstraint("job_id"),
    )
    _partial("jobs_failed", "jobs", ["target", "state"], where="state IN ('refused','dead')", unique=False)
    _partial(
        "jobs_heads",
        "jobs",
        ["target", "lane", "job_id"],
        where="state IN ('queued','in_flight','in_doubt')",
        unique=False,
    )
    op.create_table(
        "lanes",
        _text("target"),
        _text("lane"),
        _text("legal_entity"),
        _text("role"),
        _number("head"),
        _text("due", null=True),
        _text("lease_until", null=True),
        _number("token"),
        _text("worker"),
        sa.PrimaryKeyConstraint("target", "lane"),
        sqlite_with_rowid=False,
    )
    _partial("lanes_due", "lanes", ["target", "due", "head"], where="due IS NOT NULL", unique=False)


def _routing() -> None:
    op.create_table(
        "epochs",
        _text("legal_entity"),
        _number("epoch"),
        _number("table_version"),
        _text("at"),
        sa.PrimaryKeyConstraint("legal_entity"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gates",
        _text("target"),
        _text("legal_entity"),
        _text("at"),
        sa.PrimaryKeyConstraint("target", "legal_entity"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pins",
        _text("scope"),
        _text("authority"),
        _text("actor"),
        _text("why"),
        _text("at"),
        sa.PrimaryKeyConstraint("scope"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "route_tables",
        _number("version", autoincrement=False),
        _text("body"),
        _text("actor"),
        _text("at"),
        sa.PrimaryKeyConstraint("version"),
    )


def _feeds_and_runs() -> None:
    op.create_table(
        "breaks",
        _number("break_id", autoincrement=True),
        _text("run_id"),
        _text("at"),
        _text("data"),
        sa.PrimaryKeyConstraint("break_id"),
    )
    op.create_index("breaks_of_run", "breaks", ["run_id"], unique=False)
    op.create_table(
        "cursors",
        _text("system"),
        _text("feed"),
        _text("position"),
        _text("at"),
        sa.PrimaryKeyConstraint("system", "feed"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "steps",
        _number("step_id", autoincrement=True),
        _text("run_id"),
        _text("step"),
        _text("event"),
        _text("at"),
        _text("data"),
        sa.PrimaryKeyConstraint("step_id"),
    )
    op.create_index("steps_of_run", "steps", ["run_id"], unique=False)


def downgrade() -> None:
    """A journal is never taken back: the truth in it would be lost. Restore a backup instead."""
    msg = "the journal's first tables can't be removed"
    raise RuntimeError(msg)
