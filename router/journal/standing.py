"""How things stand, for gates, consoles and comparisons: counts and states, never documents' insides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from router.journal import queries
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.port import LaneStatus
from router.journal.schema import RESTING
from router.journal.scopes import Scoped, in_scope, scope_of
from router.journal.words import id_text
from router.model import State, SystemId

_STATE = "CASE WHEN t.job_id IS NULL THEN t.state ELSE j.state END"


class Standing(JournalCore):
    """Reading questions a plan's gates and the console ask."""

    async def waiting(self) -> int:
        """Deliveries to all systems that are not settled."""
        return await self._read(_waiting)

    async def held(self, scope: Scoped) -> int:
        """Held transactions of a scope."""
        return await self._read(_held, scope)

    async def under_way(self, scope: Scoped, targets: Sequence[SystemId]) -> list[LaneStatus]:
        """The lanes of some targets in which something of a scope is not settled, with how much of it.

        What a lane waits for (`why`, `due`) is said of its head, whoever that belongs to.
        """
        return await self._read(queries.lanes_of_scope, scope, targets)

    async def job_counts(self, *, entities: Scoped, targets: Sequence[SystemId]) -> dict[str, int]:
        """Authority and shadow jobs of a scope to some targets, by state."""
        return await self._read(_job_counts, entities, targets)

    async def units_of(self, scope: Scoped) -> dict[tuple[str, str], str]:
        """(kind, document id) → business unit of every document of these entities, as accepted last."""
        return await self._read(_units_of, scope)

    async def in_states(self, states: Sequence[State], *, most: int) -> list[dict[str, Any]]:
        """Transactions in some states, oldest first, with what the last try said."""
        return await self._read(_in_states, states, most)

    async def shadow_states(
        self, *, target: SystemId, entities: Sequence[str]
    ) -> dict[tuple[str, str], tuple[str, str]]:
        """(kind, external id) → (state, why) of the shadow jobs of some entities to a target."""
        return await self._read(_shadow_states, target, entities)

    async def paid_minor(self, invoice_id: str) -> int:
        """What posted payments have paid of an invoice so far, in minor units."""
        return await self._read(_paid_minor, invoice_id)

    async def received(self, *, clients: Sequence[str]) -> list[dict[str, Any]]:
        """Single requests of some clients as they were received, with their first answer's route."""
        return await self._read(_received, clients)


def _waiting(tx: Transaction) -> int:
    ((count,),) = tx.rows("SELECT count(*) FROM jobs WHERE state IN ('queued','in_flight','in_doubt')")
    return int(count)


def _held(tx: Transaction, asked: Scoped) -> int:
    condition, values = in_scope(tx, asked)
    ((count,),) = tx.rows(
        f"SELECT count(*) FROM transactions WHERE {RESTING} AND state = 'held' AND {condition}", values
    )
    return int(count)


def _job_counts(tx: Transaction, asked: Scoped, targets: Sequence[SystemId]) -> dict[str, int]:
    counts: dict[str, int] = {}
    condition, values = in_scope(tx, asked)
    for target in targets:
        for state, count in tx.rows(
            f"SELECT state, count(*) FROM jobs WHERE target = ? AND role <> 'feedback' AND {condition}"
            " GROUP BY state",
            (target, *values),
        ):
            counts[state] = counts.get(state, 0) + int(count)
    return counts


def _units_of(tx: Transaction, asked: Scoped) -> dict[tuple[str, str], str]:
    rows = tx.among(
        "SELECT kind, document_id, business_unit FROM transactions WHERE document_id IS NOT NULL AND {any}"
        " ORDER BY seq",
        "legal_entity",
        sorted(set(scope_of(asked).entities)),
    )
    return {(kind, document_id): unit for kind, document_id, unit in rows}


def _in_states(tx: Transaction, states: Sequence[State], most: int) -> list[dict[str, Any]]:
    names = (
        "transaction_id", "kind", "document_id", "legal_entity", "state", "problem", "accepted_at", "target", "code", "why",
    )  # fmt: skip
    marks = ", ".join("?" for _ in states)
    rows = tx.rows(
        f"SELECT t.seq, t.kind, t.document_id, t.legal_entity, {_STATE}, t.problem, t.accepted_at,"
        " coalesce(j.target, ''), coalesce(j.code, ''), coalesce(j.why, '')"
        f" FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE {_STATE} IN ({marks})"
        " ORDER BY t.seq LIMIT ?",
        (*(state.value for state in states), most),
    )
    return [dict(zip(names, (id_text(row[0]), *row[1:]), strict=True)) for row in rows]


def _shadow_states(
    tx: Transaction, target: SystemId, entities: Sequence[str]
) -> dict[tuple[str, str], tuple[str, str]]:
    rows = tx.among(
        "SELECT kind, external_id, state, why FROM jobs WHERE target = ? AND role = 'shadow' AND {any} ORDER BY job_id",
        "legal_entity",
        sorted(set(entities)),
        target,
    )
    return {(kind, external_id): (state, why) for kind, external_id, state, why in rows}


def _paid_minor(tx: Transaction, invoice_id: str) -> int:
    rows = tx.rows(
        "SELECT t.canonical, t.amount_minor FROM transactions AS t JOIN jobs AS j ON j.job_id = t.job_id"
        " WHERE t.kind = 'payment' AND t.transactional = 1 AND j.state = 'posted' AND t.canonical LIKE ?",
        (f'%"invoice_id":"{invoice_id}"%',),
    )
    return sum(int(minor) for canonical, minor in rows if orjson.loads(canonical)["invoice_id"] == invoice_id)


def _received(tx: Transaction, clients: Sequence[str]) -> list[dict[str, Any]]:
    rows = tx.among(
        "SELECT t.seq, t.client, t.received, d.rule, d.table_version, d.authority, d.shadow, d.hold, d.why"
        " FROM transactions AS t JOIN decisions AS d ON d.seq = t.seq AND d.n = (SELECT min(n) FROM decisions AS f"
        " WHERE f.seq = t.seq) WHERE {any} ORDER BY t.seq",
        "t.client",
        list(clients),
    )
    names = ("rule", "table_version", "authority", "shadow", "hold", "why")
    return [
        {
            "transaction_id": id_text(seq),
            "client": client,
            "received": bytes(received),
            "route": dict(zip(names, route, strict=True)) | {"hold": bool(route[4])},
        }
        for seq, client, received, *route in rows
    ]
