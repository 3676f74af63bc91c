"""Reading the journal: documents, one transaction with all there is to it, backlog and totals."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from router.canonical import KINDS, Document
from router.canonical.kinds import Kind
from router.clock import from_text, to_text
from router.journal.decisions import Cell, is_closed
from router.journal.engine import Transaction
from router.journal.lanes import closed_cells
from router.journal.port import LaneStatus
from router.journal.schema import JOBS_PER_TRANSACTION, RESTING
from router.journal.scopes import Scoped, in_scope
from router.journal.words import document_of, from_json, id_text, number, unpacked
from router.model import LaneKey, State, SystemId, TransactionId

PAGE = 2_000
"""Rows a stream reads at once."""
_STATE = "CASE WHEN t.job_id IS NULL THEN t.state ELSE j.state END"


def documents(tx: Transaction, kind: Kind, ids: Sequence[str]) -> dict[str, Document]:
    """The newest accepted document of each id."""
    rows = tx.among(
        "SELECT document_id, canonical, schema_version FROM transactions WHERE kind = ?"
        f" AND transactional = {int(KINDS[kind].transactional)} AND canonical IS NOT NULL AND {{any}} ORDER BY seq",
        "document_id",
        list(dict.fromkeys(ids)),
        kind,
    )
    newest = {document_id: (canonical, version) for document_id, canonical, version in rows}
    return {document_id: document_of(*stored) for document_id, stored in newest.items()}


def sent(tx: Transaction, system: SystemId, external_ids: Sequence[str]) -> frozenset[str]:
    """Which of these ids a system was ever sent a document under."""
    if not external_ids:
        return frozenset()
    jobs = tx.among(
        "SELECT DISTINCT external_id FROM jobs WHERE target = ? AND {any}",
        "external_id",
        sorted(set(external_ids)),
        system,
    )
    return frozenset(str(row[0]) for row in jobs)


def masters(tx: Transaction, kind: Kind) -> list[Document]:
    """The newest accepted document of each id of a kind, in order of first acceptance."""
    rows = tx.rows(
        "SELECT t.canonical, t.schema_version FROM transactions AS t JOIN (SELECT min(seq) AS first, max(seq) AS newest"
        " FROM transactions WHERE kind = ? AND canonical IS NOT NULL"
        f" AND transactional = {int(KINDS[kind].transactional)} GROUP BY document_id) AS n"
        " ON t.seq = n.newest ORDER BY n.first",
        (kind,),
    )
    return [document_of(canonical, version) for canonical, version in rows]


def find(tx: Transaction, text: str) -> list[TransactionId]:
    """Transactions by their id, a document id or a correlation id, oldest first."""
    seq = number(text)
    kinds = tuple(KINDS)
    rows = tx.rows("SELECT seq FROM transactions WHERE seq = ?", (seq,)) if seq is not None else []
    rows += tx.rows("SELECT seq FROM transactions WHERE correlation_id = ?", (text,))
    for flag in (0, 1):
        rows += tx.among(
            f"SELECT seq FROM transactions WHERE transactional = {flag} AND document_id = ? AND {{any}}",
            "kind",
            kinds,
            text,
        )
    return [id_text(seq) for seq in sorted({row[0] for row in rows})]


_TRANSACTION = (
    "correlation_id", "client", "idempotency_key", "fingerprint", "kind", "document_id", "source", "event_id",
    "verb", "problem", "legal_entity", "accounting_date", "ordering_key", "currency", "amount_minor",
    "deliver", "authority", "accepted_at",
)  # fmt: skip
_DECISION = ("n", "at", "rule", "table_version", "authority", "shadow", "hold", "why", "epoch")
_JOB = (
    "job_id", "target", "role", "operation", "kind", "external_id", "lane", "state", "attempts", "due",
    "waiting_since", "settled_at", "code", "why", "facts",
)  # fmt: skip
_ATTEMPT = (
    "job_id",
    "token",
    "purpose",
    "worker",
    "claimed_at",
    "settled_at",
    "event",
    "code",
    "why",
    "outcome",
)

_CROSSWALK = (
    "WITH RECURSIVE known(system) AS (SELECT min(system) FROM crosswalk UNION ALL"
    " SELECT (SELECT min(c.system) FROM crosswalk AS c WHERE c.system > known.system) FROM known"
    " WHERE known.system IS NOT NULL) SELECT c.system, c.vendor_id FROM known JOIN crosswalk AS c"
    " ON c.system = known.system AND c.kind = ? AND c.document_id = ? ORDER BY c.system"
)
"""What every system calls a document: the key begins with the system, of which there are few."""


def _columns(names: Sequence[str], table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in names)


def transaction(tx: Transaction, transaction_id: str) -> dict[str, Any] | None:
    """Everything about one transaction: payload, decisions, jobs with attempts, history, crosswalk."""
    seq = number(transaction_id)
    if seq is None:
        return None
    rows = tx.rows(
        f"SELECT {_columns(_TRANSACTION, 't')}, t.received, t.canonical, {_STATE}, p.state FROM transactions AS t"
        " LEFT JOIN jobs AS j ON j.job_id = t.job_id"
        " LEFT JOIN processes AS p ON p.correlation_id = t.correlation_id WHERE t.seq = ?",
        (seq,),
    )
    if not rows:
        return None
    *values, received, canonical, state, process = rows[0]
    found: dict[str, Any] = {"transaction_id": id_text(seq), "state": state}
    found |= dict(zip(_TRANSACTION, values, strict=True))
    found["deliver"] = bool(found["deliver"])
    found["received"] = bytes(received).decode("utf-8", "replace")
    found["document"] = from_json(canonical)
    found["decisions"] = [
        dict(zip(_DECISION, row, strict=True)) | {"hold": bool(row[6])}
        for row in tx.rows(
            f"SELECT {_columns(_DECISION, 'd')} FROM decisions AS d WHERE d.seq = ? ORDER BY d.n", (seq,)
        )
    ]
    found["jobs"] = _jobs_of(tx, seq)
    found["history"] = [
        {"at": at, "what": what, "detail": from_json(detail)}
        for at, what, detail in tx.rows(
            "SELECT at, what, detail FROM history WHERE seq = ? ORDER BY history_id", (seq,)
        )
    ]
    found["crosswalk"] = [
        {"system": system, "vendor_id": vendor_id}
        for system, vendor_id in tx.rows(
            _CROSSWALK,
            (found["kind"], found["document_id"]),
        )
    ]
    found["process"] = from_json(process)
    return found


def _jobs_of(tx: Transaction, seq: int) -> list[dict[str, Any]]:
    span = (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION)
    attempts: dict[int, list[dict[str, Any]]] = {}
    for *values, request, response in tx.rows(
        f"SELECT {_columns(_ATTEMPT, 'a')}, e.request, e.response FROM attempts AS a"
        " LEFT JOIN exchanges AS e ON e.exchange_id = a.exchange_id"
        " WHERE a.job_id >= ? AND a.job_id < ? ORDER BY a.job_id, a.token",
        span,
    ):
        one = dict(zip(_ATTEMPT, values, strict=True))
        one["outcome"] = from_json(one["outcome"])
        one["exchange"] = (
            None if request is None else {"request": unpacked(request), "response": unpacked(response)}
        )
        attempts.setdefault(one.pop("job_id"), []).append(one)
    jobs = []
    for row in tx.rows(
        f"SELECT {_columns(_JOB, 'j')} FROM jobs AS j WHERE j.job_id >= ? AND j.job_id < ? ORDER BY j.job_id",
        span,
    ):
        job = dict(zip(_JOB, row, strict=True))
        job["facts"] = from_json(job["facts"]) or {}
        jobs.append(job | {"tries": attempts.get(job["job_id"], [])})
    return jobs


def lane_statuses(
    tx: Transaction, target: SystemId | None, entities: Sequence[str] | None
) -> list[LaneStatus]:
    """Lanes where something waits, and held transactions under their ordering key; sorted."""
    found = _waiting(tx) + _holding(tx)
    wanted = None if entities is None else set(entities)
    return sorted(
        (
            one
            for one in found
            if (target is None or one.target == target) and (wanted is None or one.legal_entity in wanted)
        ),
        key=lambda one: (one.target, one.lane, one.legal_entity),
    )


def lanes_of_scope(tx: Transaction, asked: Scoped, targets: Sequence[SystemId]) -> list[LaneStatus]:
    """Lanes of some targets with unsettled jobs of a scope, which alone are counted; sorted."""
    return sorted(
        (one for one in _waiting(tx, asked) if one.target in targets),
        key=lambda one: (one.target, one.lane),
    )


def _waiting(tx: Transaction, asked: Scoped | None = None) -> list[LaneStatus]:
    counted, doubts, values = "count(*)", "sum(CASE WHEN state = 'in_doubt' THEN 1 ELSE 0 END)", []
    if asked is not None:
        condition, one = in_scope(tx, asked)
        counted = f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)"
        doubts = f"sum(CASE WHEN state = 'in_doubt' AND {condition} THEN 1 ELSE 0 END)"
        values = [*one, *one]
    gates: dict[str, AbstractSet[Cell]] = {}
    found = []
    for *row, waiting, in_doubt in tx.rows(
        f"WITH front AS (SELECT target, lane, {counted} AS waiting, min(job_id) AS head, {doubts} AS in_doubt"
        " FROM jobs WHERE state IN ('queued','in_flight','in_doubt') GROUP BY target, lane)"
        " SELECT l.target, l.lane, l.legal_entity, l.role, l.due, l.lease_until, l.worker, j.state, j.why,"
        " l.business_unit, l.kind, f.waiting, f.in_doubt FROM front AS f JOIN jobs AS j ON j.job_id = f.head"
        " JOIN lanes AS l ON l.target = f.target AND l.lane = f.lane WHERE l.due IS NOT NULL AND f.waiting > 0",
        values,
    ):
        target, lane, entity, role, due = row[:5]
        unit, kind = row[9:]
        if target not in gates:
            gates[target] = closed_cells(tx, target)
        closed = role == "authority" and is_closed(gates[target], entity, unit, kind)
        found.append(
            LaneStatus(
                target=SystemId(target),
                lane=LaneKey(lane),
                legal_entity=entity,
                waiting=waiting,
                in_doubt=in_doubt,
                held=0,
                due=None if closed else from_text(due),
                why=_why(row, closed=closed, now=tx.now),
            )
        )
    return found


def _why(row: Sequence[Any], *, closed: bool, now: str) -> str:
    due, lease_until, worker, state, why = row[4:9]
    if closed:
        return "closed until the old lanes are drained"
    if lease_until is not None and lease_until > now:
        return f"being delivered by {worker}, lease until {lease_until}"
    reason = why or ("no answer came back; it is looked up first" if state == "in_doubt" else "")
    return f"{reason or 'delayed'}; until {due}" if due > now else reason


def _holding(tx: Transaction) -> list[LaneStatus]:
    rows = tx.rows(
        "SELECT coalesce(d.authority, ''), t.ordering_key, t.legal_entity, count(*), max(d.why)"
        " FROM transactions AS t JOIN decisions AS d ON d.seq = t.seq"
        " AND d.n = (SELECT max(n) FROM decisions AS m WHERE m.seq = t.seq)"
        f" WHERE t.{RESTING} AND t.state = 'held' GROUP BY coalesce(d.authority, ''), t.ordering_key, t.legal_entity"
    )
    return [
        LaneStatus(
            target=SystemId(target),
            lane=LaneKey(key),
            legal_entity=entity,
            waiting=0,
            in_doubt=0,
            held=count,
            due=None,
            why=why,
        )
        for target, key, entity, count, why in rows
    ]


def backlog(tx: Transaction) -> dict[SystemId, dict[State, int]]:
    """Jobs that are not posted, by target and state: unsettled, refused and dead."""
    found: dict[SystemId, dict[State, int]] = {}
    for target, state, count in tx.rows(
        "SELECT target, state, count(*) FROM jobs WHERE state IN ('queued','in_flight','in_doubt')"
        " GROUP BY target, state UNION ALL SELECT target, state, count(*) FROM jobs"
        " WHERE state IN ('refused','dead') GROUP BY target, state ORDER BY 1, 2"
    ):
        found.setdefault(target, {})[State(state)] = count
    return found


def totals(tx: Transaction) -> list[dict[str, Any]]:
    """Count and minor units of all transactions by state, entity, currency and kind, for I1; sorted."""
    names = ("state", "legal_entity", "currency", "kind", "count", "amount_minor")
    rows = tx.rows(
        f"SELECT {_STATE}, t.legal_entity, t.currency, t.kind, count(*), sum(t.amount_minor)"
        " FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )
    return [dict(zip(names, (*row[:5], int(row[5])), strict=True)) for row in rows]


def throughput(tx: Transaction, bucket_s: int) -> list[dict[str, Any]]:
    """Jobs posted by target, role and bucket of time, in order; `bucket` is its start."""
    counts: dict[tuple[str, str, int], int] = {}
    for target, role, second, count in tx.rows(
        "SELECT target, role, substr(settled_at, 1, 19), count(*) FROM jobs"
        " WHERE state = 'posted' GROUP BY 1, 2, 3"
    ):
        at = int(from_text(second + "Z").timestamp())
        name = (target, role, at - at % bucket_s)
        counts[name] = counts.get(name, 0) + count
    return [
        {"target": target, "role": role, "bucket": to_text(datetime.fromtimestamp(at, UTC)), "posted": count}
        for (target, role, at), count in sorted(counts.items())
    ]


def jobs_page(tx: Transaction, beyond: int) -> list[dict[str, Any]]:
    """The next jobs after an id, with their transaction's header and vendor id."""
    names = (
        *_JOB,
        "correlation_id",
        "document_id",
        "legal_entity",
        "ordering_key",
        "currency",
        "amount_minor",
    )
    rows = tx.rows(
        f"SELECT {_columns(_JOB, 'j')}, t.correlation_id, t.document_id, t.legal_entity, t.ordering_key,"
        " t.currency, t.amount_minor, t.job_id, c.vendor_id FROM jobs AS j"
        f" JOIN transactions AS t ON t.seq = j.job_id / {JOBS_PER_TRANSACTION}"
        " LEFT JOIN crosswalk AS c ON c.system = j.target AND c.kind = j.kind AND c.document_id = j.external_id"
        " WHERE j.job_id > ? ORDER BY j.job_id LIMIT ?",
        (beyond, PAGE),
    )
    found = []
    for *values, authority_job, vendor_id in rows:
        job = dict(zip(names, values, strict=True))
        job["transaction_id"] = id_text(job["job_id"] // JOBS_PER_TRANSACTION)
        job["facts"] = from_json(job["facts"]) or {}
        job["decides"] = job["job_id"] == authority_job
        job["vendor_id"] = vendor_id
        found.append(job)
    return found


def history_page(tx: Transaction, beyond: int, what: str | None) -> list[dict[str, Any]]:
    """The next lines of the history after an id."""
    chosen, values = ("", (beyond, PAGE)) if what is None else (" AND what = ?", (beyond, what, PAGE))
    return [
        {
            "history_id": history_id,
            "transaction_id": None if seq is None else id_text(seq),
            "at": at,
            "what": said,
            "detail": from_json(detail),
        }
        for history_id, seq, at, said, detail in tx.rows(
            f"SELECT history_id, seq, at, what, detail FROM history WHERE history_id > ?{chosen}"
            " ORDER BY history_id LIMIT ?",
            values,
        )
    ]


_PAGED = (*_TRANSACTION, "state")


def transactions_page(tx: Transaction, beyond: int) -> list[dict[str, Any]]:
    """The next transactions after a number, with their state and the decision in force."""
    names = ("rule", "table_version", "shadow", "epoch")
    rows = tx.rows(
        f"SELECT t.seq, {_columns(_TRANSACTION, 't')}, {_STATE}, {_columns(names, 'd')}"
        " FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id"
        " LEFT JOIN decisions AS d ON d.seq = t.seq"
        " AND d.n = (SELECT max(n) FROM decisions AS m WHERE m.seq = t.seq)"
        " WHERE t.seq > ? ORDER BY t.seq LIMIT ?",
        (beyond, PAGE),
    )
    return [
        {"seq": row[0], "transaction_id": id_text(row[0])}
        | dict(zip((*_PAGED, *names), row[1:], strict=True))
        for row in rows
    ]
