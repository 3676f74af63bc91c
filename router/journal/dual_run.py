"""What a comparison of two ERPs asks of the journal: where it stands, and what is still on its way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from router.clock import to_text
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.port import UNDER_WAY, Moving, Position
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.scopes import Scoped, in_scope, scope_of
from router.model import SystemId


class DualRunFacts(JournalCore):
    """Read-only questions of a comparison."""

    async def position(self, *, entities: Scoped, targets: Sequence[SystemId]) -> Position:
        """Where the journal stands now for these entities, or a scope, and ERPs."""
        return await self._read(_position, entities, list(targets))

    async def moving(self, *, entities: Scoped, targets: Sequence[SystemId], since: datetime) -> list[Moving]:
        """Authority and shadow deliveries to these ERPs that are under way or moved at or after `since`."""
        return await self._read(_moving, entities, list(targets), to_text(since))

    async def feedback(self, target: SystemId, kind: str) -> list[tuple[str, str]]:
        """(lane, state) of every feedback job of a kind to a system, oldest first."""
        return await self._read(_feedback, target, kind)


def _feedback(tx: Transaction, target: SystemId, kind: str) -> list[tuple[str, str]]:
    return [
        (str(lane), str(state))
        for lane, state in tx.rows(
            "SELECT lane, state FROM jobs WHERE target = ? AND role = 'feedback' AND kind = ? ORDER BY job_id",
            (target, kind),
        )
    ]


def _position(tx: Transaction, asked: Scoped, targets: Sequence[SystemId]) -> Position:
    ((seq,),) = tx.rows("SELECT coalesce(max(seq), 0) FROM transactions")
    states = ", ".join(f"'{state}'" for state in UNDER_WAY)
    marks = ", ".join("?" for _ in targets)
    condition, values = in_scope(tx, asked)
    jobs = tx.rows(
        f"SELECT coalesce(sum(CASE WHEN state IN ({states}) THEN 1 ELSE 0 END), 0), coalesce(sum(attempts), 0)"
        f" FROM jobs WHERE target IN ({marks}) AND role <> 'feedback' AND {condition}",
        (*targets, *values),
    )
    accepted = tx.rows(
        f"SELECT count(*) FROM transactions WHERE deliver = 1 AND state <> 'held' AND {condition}", values
    )
    epochs = tx.among(
        "SELECT legal_entity, epoch FROM epochs WHERE {any} ORDER BY legal_entity",
        "legal_entity",
        sorted(set(scope_of(asked).entities)),
    )
    return Position(
        at=tx.now,
        seq=int(seq),
        epochs={entity: int(epoch) for entity, epoch in epochs},
        under_way=sum(int(row[0]) for row in jobs),
        tries=sum(int(row[1]) for row in jobs),
        accepted=sum(int(row[0]) for row in accepted),
    )


def _moving(tx: Transaction, asked: Scoped, targets: Sequence[SystemId], since: str) -> list[Moving]:
    states = ", ".join(f"'{state}'" for state in UNDER_WAY)
    marks = ", ".join("?" for _ in targets)
    condition, values = in_scope(tx, asked, "j")
    rows = tx.rows(
        "SELECT j.job_id, j.kind, j.external_id, j.role, j.target, j.state, coalesce(j.settled_at, j.waiting_since), j.why,"
        " CASE WHEN j.kind IN ('payment','credit_memo','write_off') THEN t.canonical ELSE NULL END"
        f" FROM jobs AS j JOIN transactions AS t ON t.seq = j.job_id / {JOBS_PER_TRANSACTION}"
        f" WHERE j.role <> 'feedback' AND j.target IN ({marks})"
        f" AND (j.state IN ({states}) OR j.settled_at >= ? OR j.waiting_since >= ?) AND {condition}",
        (*targets, since, since, *values),
    )
    return [
        Moving(
            kind=row[1], external_id=row[2], role=row[3], target=row[4], state=row[5], at=row[6], why=row[7],
            invoice_id=_invoice_of(row[8]),
        )
        for row in sorted(rows)
    ]  # fmt: skip


def _invoice_of(canonical: str | None) -> str:
    found = orjson.loads(canonical).get("invoice_id") if canonical else None
    return str(found or "")
