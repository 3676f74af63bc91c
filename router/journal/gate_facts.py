"""What a plan's gates ask of the journal: deliveries by state, how long they waited, the newest comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from router.clock import to_text
from router.dualrun.lifecycle import Scope as Looked
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.port import Scope
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import from_json
from router.model import SystemId

RUNS_LOOKED_AT = 200
"""The newest comparisons among which one that covers a scope is looked for."""
_OF_TRANSACTION = f"JOIN transactions AS t ON t.seq = j.job_id / {JOBS_PER_TRANSACTION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Deliveries of one kind to one system that are in one state."""

    target: str
    role: str
    kind: str
    state: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long a delivery of an authority waited: from when it was accepted or last let go."""

    kind: str
    external_id: str
    begun: str
    ended: str | None
    """None: it still waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A transaction that was accepted for, or let go to, one ERP as its authority."""

    kind: str
    document_id: str
    external_id: str
    legal_entity: str
    accounting_date: str
    currency: str
    amount_minor: int
    state: str
    begun: str


class GateFacts(JournalCore):
    """Read-only questions of gates. A scope's business units are read from the documents."""

    async def deliveries(self, scope: Scope, targets: Sequence[SystemId]) -> list[Tally]:
        """Authority and shadow deliveries of a scope to some systems, counted; sorted."""
        return await self._read(_deliveries, scope, list(targets))

    async def waits(self, scope: Scope, targets: Sequence[SystemId], *, since: datetime) -> list[Wait]:
        """Authority deliveries of a scope that still wait or were settled at or after `since`."""
        return await self._read(_waits, scope, list(targets), to_text(since))

    async def followed(self, scope: Scope, target: SystemId, *, since: datetime) -> list[Followed]:
        """Authority deliveries of a scope that were accepted or let go at or after `since`, oldest first."""
        return await self._read(_followed, scope, target, to_text(since))

    async def left_behind(
        self, entities: Sequence[str], *, legacy: SystemId, cloud: SystemId, before: datetime
    ) -> frozenset[tuple[str, str]]:
        """(kind, external id) of what was accepted before an instant for one ERP and never given to the other."""
        return await self._read(_left_behind, list(entities), legacy, cloud, to_text(before))

    async def newest_run(
        self, subject: str, scope: Scope | None = None, kinds: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        """The newest stored run about a subject (or a part of it) that looked at all of a scope.

        `kinds`: what of the scope's can be looked at; a run over fewer says nothing of the rest.
        """
        return await self._read(_newest_run, subject, scope, tuple(kinds))


def _rows(
    tx: Transaction, columns: str, where: str, scope: Scope, values: Sequence[Any]
) -> Iterable[tuple[Any, ...]]:
    """Columns of jobs and their transactions of a scope, in order of acceptance."""
    names = "j.job_id, j.kind, " + columns + (", t.canonical" if scope.business_units else "")
    rows = tx.among(
        f"SELECT {names} FROM jobs AS j {_OF_TRANSACTION} WHERE {where} AND {{any}}",
        "j.legal_entity",
        sorted(set(scope.entities)),
        *values,
    )
    for row in sorted(rows, key=lambda one: one[0]):
        if scope.kinds and row[1] not in scope.kinds:
            continue
        if scope.business_units:
            document = orjson.loads(row[-1]) if row[-1] else {}
            if document.get("business_unit") not in scope.business_units:
                continue
        yield tuple(row[1:-1] if scope.business_units else row[1:])


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)


def _deliveries(tx: Transaction, scope: Scope, targets: Sequence[SystemId]) -> list[Tally]:
    counts: dict[tuple[str, str, str, str], int] = {}
    where = f"j.role <> 'feedback' AND j.target IN ({_marks(targets)})"
    for kind, target, role, state in _rows(tx, "j.target, j.role, j.state", where, scope, targets):
        key = (target, role, kind, state)
        counts[key] = counts.get(key, 0) + 1
    return [
        Tally(target=target, role=role, kind=kind, state=state, count=count)
        for (target, role, kind, state), count in sorted(counts.items())
    ]


def _waits(tx: Transaction, scope: Scope, targets: Sequence[SystemId], since: str) -> list[Wait]:
    where = (
        f"j.role = 'authority' AND j.target IN ({_marks(targets)})"
        " AND (j.state IN ('queued','in_flight','in_doubt') OR j.settled_at >= ?)"
    )
    columns = "j.external_id, j.waiting_since, j.settled_at"
    return [
        Wait(kind=kind, external_id=external_id, begun=begun, ended=ended)
        for kind, external_id, begun, ended in _rows(tx, columns, where, scope, [*targets, since])
    ]


def _followed(tx: Transaction, scope: Scope, target: SystemId, since: str) -> list[Followed]:
    where = "j.role = 'authority' AND j.operation = 'create' AND j.target = ? AND j.waiting_since >= ?"
    columns = (
        "t.document_id, j.external_id, t.legal_entity, t.accounting_date, t.currency, t.amount_minor, j.state,"
        " j.waiting_since"
    )
    return [
        Followed(
            kind=kind, document_id=document_id or "", external_id=external_id, legal_entity=entity,
            accounting_date=on, currency=currency, amount_minor=int(minor), state=state, begun=begun,
        )
        for kind, document_id, external_id, entity, on, currency, minor, state, begun in _rows(
            tx, columns, where, scope, [target, since]
        )
    ]  # fmt: skip


def _left_behind(
    tx: Transaction, entities: Sequence[str], legacy: SystemId, cloud: SystemId, before: str
) -> frozenset[tuple[str, str]]:
    known: dict[str, set[tuple[str, str]]] = {legacy: set(), cloud: set()}
    late: set[tuple[str, str]] = set()
    for kind, external_id, target, accepted_at in tx.among(
        f"SELECT j.kind, j.external_id, j.target, t.accepted_at FROM jobs AS j {_OF_TRANSACTION}"
        " WHERE j.role <> 'feedback' AND j.target IN (?, ?) AND {any}",
        "j.legal_entity",
        sorted(set(entities)),
        legacy,
        cloud,
    ):
        # An ERP knows an invoice it made by the billing event that asked for it.
        names = [(kind, external_id), *([("invoice", external_id)] if kind == "billing_event" else [])]
        known[target].update(names)
        if target == legacy and accepted_at >= before:
            late.update(names)
    return frozenset(known[legacy] - known[cloud] - late)


def _newest_run(
    tx: Transaction, subject: str, scope: Scope | None, kinds: Sequence[str]
) -> dict[str, Any] | None:
    for run_id, at, found, told, counts in tx.rows(
        "SELECT run_id, at, subject, scope, counts FROM break_runs WHERE subject = ? OR subject LIKE ?"
        " ORDER BY at DESC, run_id DESC LIMIT ?",
        (subject, subject.replace("%", "") + ":%", RUNS_LOOKED_AT),
    ):
        looked = Looked.from_json(from_json(told)) if told else Looked()
        if scope is not None and not (
            _within(scope.entities, looked.legal_entities)
            and _within(scope.business_units, looked.business_units)
            and _within(kinds, looked.kinds)
        ):
            continue
        return {"run_id": run_id, "at": at, "subject": found, "counts": from_json(counts)}
    return None


def _within(asked: Sequence[str], looked: Sequence[str]) -> bool:
    """Whether what is asked about was looked at; none named means all there is."""
    return not looked or (bool(asked) and set(asked) <= set(looked))
