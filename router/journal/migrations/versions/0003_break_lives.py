"""Breaks get identities and a life across runs; runs of comparisons; acceptances."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PAGE = 5_000
_TOLD = ("identity", "state", "kind", "legal_entity", "what", "column_name", "cause", "code", "currency")


def _words() -> sa.types.TypeEngine[Any]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number() -> sa.types.TypeEngine[Any]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _words(), nullable=null) for name in names]


def upgrade() -> None:
    """Make the tables; breaks found before get identities, and stay open until a run looks at them again."""
    for name in _TOLD:
        op.add_column("breaks", sa.Column(name, _words(), nullable=False, server_default=""))
    op.add_column("breaks", sa.Column("delta_minor", _number(), nullable=True))
    op.add_column("breaks", sa.Column("money_minor", _number(), nullable=False, server_default="0"))
    _tables()
    connection = op.get_bind()
    _tell(connection)
    op.create_index("breaks_of_identity", "breaks", ["identity"], unique=False)
    _runs(connection)
    _states(connection)


def _tables() -> None:
    op.create_table(
        "break_runs",
        *_texts("run_id", "at", "subject"),
        *_texts("scope", null=True),
        *_texts("policy_hash", "consistency", "position", "counts"),
        sa.PrimaryKeyConstraint("run_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("break_runs_at", "break_runs", ["at", "run_id"], unique=False)
    op.create_table(
        "break_states",
        *_texts("identity", "state", "first_seen", "last_seen", "opened_at"),
        *_texts("fixed_at", null=True),
        *_texts("run_id"),
        sa.Column("runs", _number(), nullable=False),
        *_texts(
            "place", "subject", "note", "acceptance", "accepted_until", "kind", "legal_entity", "what",
            "column_name", "cause", "code", "currency",
        ),
        sa.Column("delta_minor", _number(), nullable=True),
        sa.Column("money_minor", _number(), nullable=False),
        *_texts("data"),
        *_texts("before", null=True),
        sa.PrimaryKeyConstraint("identity"),
    )  # fmt: skip
    op.create_index("break_states_run", "break_states", ["run_id"], unique=False)
    op.create_table(
        "acceptances",
        sa.Column("acceptance_id", _number(), nullable=False, autoincrement=True),
        *_texts(
            "identity", "cause", "code", "legal_entity", "kind", "owner", "reason", "approved_by", "expires",
            "max_amount", "currency", "actor", "at",
        ),
        *_texts("withdrawn_at", null=True),
        *_texts("withdrawn_by", "withdrawn_why"),
        sa.PrimaryKeyConstraint("acceptance_id"),
    )  # fmt: skip
    op.create_index("acceptances_of", "acceptances", ["identity"], unique=False)


def _tell(connection: sa.Connection) -> None:
    """Fill the new columns from what each break says of itself."""
    change = sa.text(
        "UPDATE breaks SET identity = :identity, state = 'new', kind = :kind, legal_entity = :legal_entity,"
        " what = :what, column_name = :column_name, cause = :cause, code = :code, currency = :currency,"
        " delta_minor = :delta_minor, money_minor = :money_minor WHERE break_id = :break_id"
    )
    beyond = 0
    while rows := connection.execute(
        sa.text("SELECT break_id, data FROM breaks WHERE break_id > :beyond ORDER BY break_id LIMIT :page"),
        {"beyond": beyond, "page": PAGE},
    ).all():
        connection.execute(
            change, [{"break_id": break_id, **_said(orjson.loads(data))} for break_id, data in rows]
        )
        beyond = rows[-1][0]


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    text = {name: str(data.get(name) or "") for name in ("kind", "legal_entity", "cause", "code", "currency")}
    key = sorted((str(name), str(value)) for name, value in (data.get("key") or {}).items())
    what, column = str(data.get("class") or ""), str(data.get("column") or "")
    facts = orjson.dumps([text["kind"], "document", what, column, key])
    return {
        **text,
        "identity": hashlib.sha256(facts).hexdigest()[:16],
        "what": what,
        "column_name": column,
        "delta_minor": data.get("delta_minor"),
        # An invoice counted once, by its total: its net and tax are inside of it.
        "money_minor": (data.get("delta_minor") or 0)
        if column in ("", "total", "due") or (column == "net" and text["kind"] != "invoice")
        else 0,
    }


_SUBJECT = "CASE WHEN run_id LIKE 'intercompany:%' THEN run_id ELSE 'dual-run' END"


def _runs(connection: sa.Connection) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO break_runs (run_id, at, subject, scope, policy_hash, consistency, position, counts)"
            f" SELECT run_id, min(at), {_SUBJECT}, NULL, '', '', '', '{{}}' FROM breaks GROUP BY run_id"
        )
    )


def _states(connection: sa.Connection) -> None:
    """The last sighting of each break stands for it; nobody said what those runs looked at."""
    connection.execute(
        sa.text(
            "INSERT INTO break_states (identity, state, first_seen, last_seen, opened_at, fixed_at, run_id, runs,"
            " place, subject, note, acceptance, accepted_until, kind, legal_entity, what, column_name, cause, code,"
            " currency, delta_minor, money_minor, data, before)"
            " SELECT b.identity, CASE WHEN g.runs > 1 THEN 'recurring' ELSE 'new' END, g.first_seen, b.at,"
            f" g.first_seen, NULL, b.run_id, g.runs, '', {_SUBJECT}, '', '', '', b.kind, b.legal_entity,"
            " b.what, b.column_name, b.cause, b.code, b.currency, b.delta_minor, b.money_minor, b.data, NULL"
            " FROM breaks AS b JOIN (SELECT identity, min(at) AS first_seen, max(break_id) AS newest,"
            " count(DISTINCT run_id) AS runs FROM breaks GROUP BY identity) AS g ON b.break_id = g.newest"
        )
    )
    rows = connection.execute(sa.text("SELECT identity, kind, legal_entity, subject FROM break_states")).all()
    places = [
        {
            "identity": identity,
            "place": orjson.dumps(
                {
                    "kinds": [kind] if kind else [],
                    "legal_entities": [entity] if entity else [],
                    "since": "",
                    "subject": subject,
                    "unstated": True,
                    "until": "",
                }
            ).decode(),
        }
        for identity, kind, entity, subject in rows
    ]
    if places:
        connection.execute(
            sa.text("UPDATE break_states SET place = :place WHERE identity = :identity"), places
        )


def downgrade() -> None:
    """A journal is never taken back: the truth in it would be lost. Restore a backup instead."""
    msg = "the journal's tables can't be removed"
    raise RuntimeError(msg)
