"""Registers, periods, cases, aliases, conflicts, past vendor ids; versions of documents, codes of problems."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _words() -> sa.types.TypeEngine[Any]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number() -> sa.types.TypeEngine[Any]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, _words(), nullable=False) for name in names]


def _table(name: str, *columns: sa.Column[Any], key: tuple[str, ...]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key), sqlite_with_rowid=False)


def upgrade() -> None:
    """Make them; what was accepted before is version 1 of its kind."""
    op.add_column("transactions", sa.Column("schema_version", _number(), nullable=False, server_default="1"))
    op.add_column("transactions", sa.Column("problem_code", _words(), nullable=False, server_default=""))
    _table(
        "registers",
        *_texts("name"),
        sa.Column("value", _number(), nullable=False, autoincrement=False),
        *_texts("currency", "at"),
        key=("name",),
    )
    _table(
        "periods",
        *_texts("legal_entity", "period", "state", "actor", "why", "at"),
        key=("legal_entity", "period"),
    )
    _table("cases", *_texts("case_id", "state", "owner", "note", "actor", "at"), key=("case_id",))
    _table("aliases", *_texts("kind", "alias", "document_id", "actor", "why", "at"), key=("kind", "alias"))
    _table(
        "crosswalk_past",
        *_texts("system", "kind", "vendor_id", "document_id", "until"),
        key=("system", "kind", "vendor_id"),
    )
    op.create_table(
        "conflicts",
        sa.Column("conflict_id", _number(), nullable=False, autoincrement=True),
        *_texts(
            "at", "kind", "document_id", "legal_entity", "attribute", "sender", "owner", "rule", "kept",
            "offered", "event_id",
        ),
        sa.PrimaryKeyConstraint("conflict_id"),
    )  # fmt: skip
    op.create_index("transactions_lane", "transactions", ["ordering_key"], unique=False)
    op.create_index("conflicts_of", "conflicts", ["kind", "document_id"], unique=False)


def downgrade() -> None:
    """A journal is never taken back: the truth in it would be lost. Restore a backup instead."""
    msg = "the journal's tables can't be removed"
    raise RuntimeError(msg)
