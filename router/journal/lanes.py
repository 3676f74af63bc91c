"""Lanes (D4): the lane is leased, not the job, and every lease carries a fencing token.

A lane's `due` is when its head may go; while leased, when the lease ends; null when nothing waits.
So one index answers a claim, a lost lease comes due by itself, and a retry delays its own lane only.

A gate closes authority jobs of a wave: of an entity, of some of its business units, of some kinds. A lane's
key is a project or a customer, so entity, unit, kind and role of a lane are those of its head, the oldest job
that is not settled. While a gate covers the head the lane waits as a whole, also for what stands behind it of
another unit or kind: its order is the order of acceptance, and what is open must not overtake what is closed.
A head that no gate covers goes, and the lane stops when a closed one comes to its front. So a wave never stops
another wave's lanes, except where both have work on one customer or project, and there the older goes first.
Whoever adds work to a lane locks its row first: within a lane, job ids follow the order of commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from router.canonical import Document
from router.clock import from_text, to_text
from router.journal.decisions import Cell, Head, run_of
from router.journal.engine import Transaction
from router.journal.mapping_days import FACT, day_of
from router.journal.port import Job, Lease, NewJob
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import as_json, document_of, from_json, id_text
from router.model import Event, JobId, LaneKey, State, SystemId, after

LaneRow = tuple[str, str, str, str, int, str, str]
"""Target, lane, legal entity, role, transaction number, business unit, kind: of the first job a commit adds."""
_OPEN = (
    " AND NOT (role = 'authority' AND EXISTS (SELECT 1 FROM gates AS g WHERE g.target = lanes.target"
    " AND g.legal_entity = lanes.legal_entity AND g.business_unit IN ('', lanes.business_unit)"
    " AND g.kind IN ('', lanes.kind)))"
)
"""Lanes whose head no gate covers; asked only while there are gates."""
_COLUMNS = ", ".join(f"j.{name}" for name in Head._fields)
DOCUMENTS_KEPT = 8_192
"""About 20 MB of documents: what is accepted is mostly claimed within minutes, without parsing it again. What a
freeze held for hours is parsed a second time; remembering that too would take 60 MB for a hundredth of the time."""
_UNKNOWN: tuple[None, str, None] = (None, "", None)
_NO_FACTS: dict[str, Any] = {}
_CORRECTED = '"corrected"'
"""The mark of a job whose document was corrected, perhaps by another process than the one that remembers it."""
_REPAIRS = 8
"""Rounds a claim may spend on lanes whose due was stale before it leaves the rest to the next claim."""


class Documents:
    """A bounded memory of accepted documents, so that a claim need not parse what was just accepted."""

    def __init__(self, most: int = DOCUMENTS_KEPT) -> None:
        self._most = most
        self._kept: dict[int, tuple[Document, str, date | None]] = {}

    def keep(self, documents: dict[int, tuple[Document, str, date | None]]) -> None:
        """Remember documents with their correlation ids and days; the oldest make room."""
        self._kept.update(documents)
        excess = max(0, len(self._kept) - self._most)
        for seq in list(islice(self._kept, excess)):
            del self._kept[seq]

    def of(
        self, tx: Transaction, seqs: Iterable[int], *, anew: AbstractSet[int] = frozenset()
    ) -> dict[int, tuple[Document, str, date]]:
        """Documents and correlation ids of transactions, and the day (UTC) they were accepted.

        From memory or the table; `anew`: from the table.
        """
        found: dict[int, tuple[Document, str, date]] = {}
        missing: list[int] = []
        for seq in dict.fromkeys(seqs):
            document, correlation_id, day = self._kept.get(seq, _UNKNOWN)
            if document is None or day is None or seq in anew:
                missing.append(seq)
            else:
                found[seq] = (document, correlation_id, day)
        for seq, correlation_id, canonical, version, text in tx.among(
            "SELECT seq, correlation_id, canonical, schema_version, substr(accepted_at, 1, 10)"
            " FROM transactions WHERE {any}",
            "seq",
            missing,
        ):
            found[seq] = (document_of(canonical, version), correlation_id, date.fromisoformat(text))
        return found


def row_of(job: NewJob, document: Document, seq: int) -> LaneRow:
    """The lane a job of a document goes to."""
    return (
        job.target, job.lane, document.legal_entity, job.role, seq, document.business_unit, job.kind,
    )  # fmt: skip


def touch(tx: Transaction, rows: Iterable[LaneRow]) -> None:
    """Make lanes that are about to get jobs, or lock them; in sorted order, so that no two wait in a ring.

    An empty lane is due at once, and so is one whose new job is older than its head (a release, a
    replay); a leased lane is left alone, settling finds the new job.
    """
    first: dict[tuple[str, str], LaneRow] = {}
    for row in rows:
        known = first.get(row[:2])
        if known is None or row[4] < known[4]:
            first[row[:2]] = row
    tx.insert(
        "lanes",
        "target,lane,legal_entity,role,head,business_unit,kind,due,token,worker",
        [(*first[name], tx.now, 0, "") for name in sorted(first)],
        "ON CONFLICT (target, lane) DO UPDATE SET due = excluded.due, head = excluded.head,"
        " legal_entity = excluded.legal_entity, role = excluded.role, business_unit = excluded.business_unit,"
        " kind = excluded.kind WHERE lanes.due IS NULL"
        " OR (lanes.lease_until IS NULL AND excluded.head < lanes.head)",
    )


def heads(tx: Transaction, target: str, lanes: Sequence[str], limit: int) -> dict[str, list[Head]]:
    """The first unsettled jobs of each lane that has any."""
    found: dict[str, list[Head]] = {}
    if lanes:
        text = tx.dialect.heads.format(columns=_COLUMNS)
        for row in map(Head._make, tx.rows(text, (tx.dialect.values(lanes), target, limit))):
            found.setdefault(row.lane, []).append(row)
    return found


def refresh(tx: Transaction, target: SystemId, lanes: Sequence[str]) -> None:
    """Give lanes back: each is due when its head is, or never while it has none."""
    front = heads(tx, target, lanes, 1)
    idle = [lane for lane in lanes if lane not in front]
    if idle:
        tx.run(
            "UPDATE lanes SET due = NULL, lease_until = NULL, worker = ''"
            f" WHERE target = ? AND {tx.dialect.any('lane')}",
            (target, tx.dialect.values(idle)),
        )
    rows = []
    for lane, (head, *_) in front.items():
        rows.append(
            (
                head.due,
                head.job_id // JOBS_PER_TRANSACTION,
                head.legal_entity,
                head.role,
                head.business_unit,
                head.kind,
                target,
                lane,
            )
        )
        if head.due <= tx.now:
            tx.pokes[target] = None
    tx.many(
        "UPDATE lanes SET due = ?, head = ?, legal_entity = ?, role = ?, business_unit = ?, kind = ?, lease_until = NULL, worker = ''"
        " WHERE target = ? AND lane = ?",
        rows,
    )


def any_due(tx: Transaction, target: SystemId) -> bool:
    """Whether a lane of a target is due, or its lease has ended."""
    return bool(tx.rows("SELECT 1 FROM lanes WHERE target = ? AND due <= ? LIMIT 1", (target, tx.now)))


def claim(
    tx: Transaction,
    documents: Documents,
    *,
    worker: str,
    target: SystemId,
    lanes: int,
    jobs_per_lane: int,
    lease_s: float,
) -> list[Lease]:
    """Lease up to `lanes` due lanes of a target, oldest first, and journal the intent for their heads."""
    assert lanes > 0
    assert jobs_per_lane > 0
    tx.dialect.lock(tx, [f"gate:{target}"], shared=True)
    closed = closed_cells(tx, target)
    runs: dict[str, Sequence[Head]] = {}
    tokens: dict[str, int] = {}
    front_of: dict[str, Sequence[Head]] = {}
    for _ in range(_REPAIRS):
        due = _due(tx, target, lanes, gated=bool(closed))
        front = heads(tx, target, [lane for lane, _ in due], jobs_per_lane)
        for lane, token in due:
            run = run_of(front[lane], now=tx.now, limit=jobs_per_lane, closed=closed) if lane in front else ()
            if run:
                runs[lane], tokens[lane], front_of[lane] = run, token + 1, front[lane]
        stale = [lane for lane, _ in due if lane not in runs]
        # Stale dues happen when work was added just before a lane's real head, never in bulk.
        refresh(tx, target, stale)
        if runs or not stale:
            break
    if not runs:
        return []
    until = from_text(tx.now) + timedelta(seconds=lease_s)
    tx.run(
        "UPDATE lanes SET lease_until = ?, due = ?, token = token + 1, worker = ?"
        f" WHERE target = ? AND {tx.dialect.any('lane')}",
        (to_text(until), to_text(until), worker, target, tx.dialect.values(list(runs))),
    )
    _intend(tx, runs, tokens, worker)
    more = {lane for lane, run in runs.items() if _more(front_of[lane], len(run), jobs_per_lane, tx.now)}
    return _leases(tx, documents, target, runs, tokens, until, more)


def _more(front: Sequence[Head], taken: int, limit: int, now: str) -> bool:
    """Whether something waits behind what was taken; where the limit cut the front off, there may be."""
    return taken >= limit or (taken < len(front) and front[taken].due <= now)


def closed_cells(tx: Transaction, target: SystemId) -> AbstractSet[Cell]:
    """What the gates of a target close."""
    return frozenset(
        (entity, unit, kind)
        for entity, unit, kind in tx.rows(
            "SELECT legal_entity, business_unit, kind FROM gates WHERE target = ?", (target,)
        )
    )


def _due(tx: Transaction, target: SystemId, lanes: int, *, gated: bool) -> list[tuple[str, int]]:
    rows = tx.rows(
        "SELECT lane, token FROM lanes WHERE target = ? AND due IS NOT NULL AND due <= ?"
        + (_OPEN if gated else "")
        + " ORDER BY due, head, lane LIMIT ?"
        + tx.dialect.skip_locked,
        (target, tx.now, lanes),
    )
    return [(lane, token) for lane, token in rows]


def _intend(tx: Transaction, runs: dict[str, Sequence[Head]], tokens: dict[str, int], worker: str) -> None:
    """Journal what is about to be tried; a job still in flight lost its lease and is in doubt (D8)."""
    sending, asking, lost, attempts = [], [], [], []
    for lane, run in runs.items():
        for head in run:
            if head.state == "queued":
                sending.append(head.job_id)
                purpose = "send"
            else:
                asking.append(head.job_id)
                purpose = "look up"
                if head.state == "in_flight":
                    lost.append(head)
            attempts.append((head.job_id, tokens[lane], purpose, worker, tx.now))
    in_flight = after(State.QUEUED, Event.CLAIMED).value
    in_doubt = after(State.IN_FLIGHT, Event.LEASE_LOST).value
    for state, ids in ((in_flight, sending), (in_doubt, asking)):
        if ids:
            tx.run(
                f"UPDATE jobs SET state = ?, attempts = attempts + 1 WHERE {tx.dialect.any('job_id')}",
                (state, tx.dialect.values(ids)),
            )
    tx.insert("attempts", "job_id,token,purpose,worker,claimed_at", attempts)
    tx.insert(
        "history",
        "seq,at,what,detail",
        [
            (
                head.job_id // JOBS_PER_TRANSACTION,
                tx.now,
                in_doubt,
                as_json({"job": head.job_id, "lane": head.lane, "event": Event.LEASE_LOST.value}),
            )
            for head in lost
        ],
    )


def _leases(
    tx: Transaction,
    documents: Documents,
    target: SystemId,
    runs: dict[str, Sequence[Head]],
    tokens: dict[str, int],
    until: datetime,
    more: AbstractSet[str],
) -> list[Lease]:
    every = [head for run in runs.values() for head in run]
    corrected = {
        head.job_id // JOBS_PER_TRANSACTION for head in every if head.facts and _CORRECTED in head.facts
    }
    seqs = [head.job_id // JOBS_PER_TRANSACTION for head in every]
    known = documents.of(tx, seqs, anew=corrected)
    times: dict[str, datetime] = {}
    leases = []
    for lane, run in runs.items():
        jobs = []
        for head in run:
            seq = head.job_id // JOBS_PER_TRANSACTION
            document, correlation_id, day = known[seq]
            facts = from_json(head.facts) if head.facts else _NO_FACTS
            jobs.append(
                Job(
                    job_id=JobId(head.job_id),
                    transaction_id=id_text(seq),
                    correlation_id=correlation_id,
                    target=target,
                    role=head.role,
                    operation=head.operation,
                    kind=head.kind,
                    external_id=head.external_id,
                    lane=LaneKey(lane),
                    state=State.IN_FLIGHT if head.state == "queued" else State.IN_DOUBT,
                    attempts=head.attempts + 1,
                    document=document,
                    facts={name: value for name, value in facts.items() if name != FACT},
                    due=_instant(times, head.due),
                    waiting_since=_instant(times, head.waiting_since),
                    mapping_of=day_of(facts, day),
                )
            )
        leases.append(
            Lease(
                target=target,
                lane=LaneKey(lane),
                token=tokens[lane],
                until=until,
                jobs=tuple(jobs),
                more=lane in more,
            )
        )
    return leases


def _instant(known: dict[str, datetime], text: str) -> datetime:
    """An instant; what was accepted together came at one."""
    found = known.get(text)
    if found is None:
        found = known[text] = from_text(text)
    return found


def extend(tx: Transaction, leases: Sequence[Lease], lease_s: float) -> list[bool]:
    """Lengthen leases that are still held."""
    until = to_text(from_text(tx.now) + timedelta(seconds=lease_s))
    held = {}
    for lease in sorted(leases, key=lambda lease: (lease.target, lease.lane)):
        held[(lease.target, lease.lane, lease.token)] = (
            tx.run(
                "UPDATE lanes SET lease_until = ?, due = ?"
                " WHERE target = ? AND lane = ? AND token = ? AND lease_until IS NOT NULL",
                (until, until, lease.target, lease.lane, lease.token),
            )
            == 1
        )
    return [held[(lease.target, lease.lane, lease.token)] for lease in leases]


def next_due(tx: Transaction, target: SystemId) -> datetime | None:
    """When the next lane of a target comes due: its work, or the end of a lease that may be lost."""
    ((found, gated),) = tx.rows(
        "SELECT min(due), (SELECT count(*) FROM gates WHERE target = ?) FROM lanes"
        " WHERE target = ? AND due IS NOT NULL",
        (target, target),
    )
    if gated:
        ((found,),) = tx.rows(
            f"SELECT min(due) FROM lanes WHERE target = ? AND due IS NOT NULL{_OPEN}", (target,)
        )
    return None if found is None else from_text(found)
