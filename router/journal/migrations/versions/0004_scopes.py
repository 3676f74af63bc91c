"""Business units beside legal entities: of transactions, jobs and lanes; gates of units and kinds."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PAGE = 5_000
JOBS_PER_TRANSACTION = 1000
_KEY = ("target", "legal_entity", "business_unit", "kind")


def _words() -> sa.types.TypeEngine[Any]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _added(name: str) -> sa.Column[Any]:
    return sa.Column(name, _words(), nullable=False, server_default="")


def upgrade() -> None:
    """Add them, and fill them from the documents; a gate that stands closes its whole entity."""
    op.add_column("transactions", _added("business_unit"))
    op.add_column("jobs", _added("business_unit"))
    op.add_column("lanes", _added("business_unit"))
    op.add_column("lanes", _added("kind"))
    connection = op.get_bind()
    _gates(connection)
    _transactions(connection)
    connection.execute(
        sa.text(
            "UPDATE jobs SET business_unit = coalesce((SELECT t.business_unit FROM transactions AS t"
            f" WHERE t.seq = jobs.job_id / {JOBS_PER_TRANSACTION}), '')"
        )
    )
    head = (
        "(SELECT j.{name} FROM jobs AS j WHERE j.target = lanes.target AND j.lane = lanes.lane"
        " AND j.state IN ('queued','in_flight','in_doubt') ORDER BY j.job_id LIMIT 1)"
    )
    connection.execute(
        sa.text(
            f"UPDATE lanes SET business_unit = coalesce({head.format(name='business_unit')}, ''),"
            f" kind = coalesce({head.format(name='kind')}, '') WHERE due IS NOT NULL"
        )
    )


def _gates(connection: sa.Connection) -> None:
    """Made anew: what a gate is told by is part of its key, which SQLite can't change."""
    rows = connection.execute(sa.text("SELECT target, legal_entity, at FROM gates")).all()
    op.drop_table("gates")
    op.create_table(
        "gates",
        *(sa.Column(name, _words(), nullable=False) for name in (*_KEY, "at")),
        sa.PrimaryKeyConstraint(*_KEY),
        sqlite_with_rowid=False,
    )
    if rows:
        connection.execute(
            sa.text("INSERT INTO gates VALUES (:target, :legal_entity, '', '', :at)"),
            [{"target": target, "legal_entity": entity, "at": at} for target, entity, at in rows],
        )


def _transactions(connection: sa.Connection) -> None:
    change = sa.text("UPDATE transactions SET business_unit = :unit WHERE seq = :seq")
    beyond = 0
    while rows := connection.execute(
        sa.text(
            "SELECT seq, canonical FROM transactions WHERE seq > :beyond AND canonical IS NOT NULL"
            " ORDER BY seq LIMIT :page"
        ),
        {"beyond": beyond, "page": PAGE},
    ).all():
        connection.execute(
            change,
            [
                {"seq": seq, "unit": str(orjson.loads(canonical).get("business_unit") or "")}
                for seq, canonical in rows
            ],
        )
        beyond = rows[-1][0]


def downgrade() -> None:
    """A journal is never taken back: the truth in it would be lost. Restore a backup instead."""
    msg = "the journal's tables can't be removed"
    raise RuntimeError(msg)
