"""Rehoming (D7): the authority of posted transactions goes from one ERP to another, in one commit.

A rollback does not undo: it is a new, higher epoch under which the old ERP's copies count again. Jobs swap
their roles, what the old ERP never got is queued for it, and every transaction says in a new decision and in
its history who did it and why. What is moved is found by what it is now, so doing it again changes nothing:
a runner that died after the commit finds nothing left to move, one that died before it finds all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from router.canonical import Document
from router.canonical.kinds import parse
from router.errors import Refused
from router.journal import fence, lanes, records
from router.journal.core import JournalCore
from router.journal.decisions import lane_of, operation_of
from router.journal.engine import Row, Transaction
from router.journal.port import NewJob, Placed, Rehoming, Scope
from router.journal.routing import DECISION_COLUMNS, JOB_COLUMNS, decision_row, job_row, next_job_numbers
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import as_json, document_of, from_json, id_text, number
from router.model import Decision, LaneKey, Role, SystemId

RULE = "rollback"
"""What a decision names that no rule of a table made."""
NOTE = "rehomed"
"""The line of the history of every transaction that was given another authority."""
_UNSETTLED = ("queued", "in_flight", "in_doubt")


class Rehomings(JournalCore):
    """What a rollback asks of the journal."""

    async def placed(self, scope: Scope, *, authority: SystemId, other: SystemId) -> list[Placed]:
        """What of a scope has this authority, oldest first, with how its copy in the other ERP stands."""
        return await self._read(placed, scope, authority, other)

    async def rehome(self, order: Rehoming) -> dict[str, int]:
        """Give transactions another authority in one commit; how many `swapped`, `entered`, `copied`, `caught_up`.

        Raises Refused while one of them is under way. Done again it finds nothing more to do.
        """
        return await self._do(rehome, order)


def placed(tx: Transaction, scope: Scope, authority: SystemId, other: SystemId) -> list[Placed]:
    """What of a scope has this authority, oldest first, with its copy in the other ERP."""
    rows = tx.among(
        "SELECT t.seq, t.canonical, t.schema_version, t.deliver, t.amount_minor, t.accepted_at,"
        " coalesce(j.state, t.state), coalesce(j.doubtful, 0) FROM transactions AS t"
        " LEFT JOIN jobs AS j ON j.job_id = t.job_id"
        " WHERE t.authority = ? AND t.canonical IS NOT NULL AND {any}",
        "t.legal_entity",
        sorted(set(scope.entities)),
        authority,
    )
    found = [(row, document_of(row[1], row[2])) for row in sorted(rows)]
    kept = [(row, document) for row, document in found if scope.covers(document)]
    copies = _jobs_in(tx, [row[0] for row, _ in kept], other)
    made = _made(tx, [job_id for job_id, _ in copies.values()])
    answer = []
    for (seq, _, _, deliver, minor, accepted_at, state, doubtful), document in kept:
        job_id, copy = copies.get(seq, (0, ""))
        answer.append(
            Placed(
                transaction_id=id_text(seq),
                document=document,
                delivered=bool(deliver),
                amount_minor=minor,
                state="in_doubt" if doubtful else state,
                copy=copy,
                copy_made=made.get(job_id, ()),
                accepted_at=accepted_at,
            )
        )
    return answer


def _jobs_in(tx: Transaction, seqs: Sequence[int], target: SystemId) -> dict[int, tuple[int, str]]:
    """By transaction its job in one ERP and that job's state: the posted one, else the newest."""
    found: dict[int, tuple[int, str]] = {}
    rows = tx.among(
        "SELECT t.seq, j.job_id, j.state FROM transactions AS t JOIN jobs AS j"
        f" ON j.job_id >= t.seq * {JOBS_PER_TRANSACTION} AND j.job_id < (t.seq + 1) * {JOBS_PER_TRANSACTION}"
        " WHERE j.target = ? AND j.role <> 'feedback' AND {any}",
        "t.seq",
        list(seqs),
        target,
    )
    for seq, job_id, state in sorted(rows):
        if seq not in found or found[seq][1] != "posted" or state == "posted":
            found[seq] = (job_id, state)
    return found


def _made(tx: Transaction, job_ids: Sequence[int]) -> dict[int, tuple[Document, ...]]:
    """What an ERP made of these jobs; of a shadow it stands in the outcome of its try only."""
    made: dict[int, tuple[Document, ...]] = {}
    for job_id, outcome in tx.among(
        "SELECT job_id, outcome FROM attempts WHERE outcome IS NOT NULL AND {any} ORDER BY job_id, token",
        "job_id",
        [one for one in job_ids if one],
    ):
        created = (from_json(outcome) or {}).get("created")
        if created:
            made[job_id] = tuple(parse(one) for one in created)
    return made


class Header(NamedTuple):
    """A transaction that is to be moved, as it stands."""

    seq: int
    kind: str
    document_id: str
    legal_entity: str
    business_unit: str
    verb: str
    ordering_key: str
    delivered: int
    authority: str | None
    job_id: int | None
    state: str


_HEADER = (
    "SELECT t.seq, t.kind, t.document_id, t.legal_entity, t.business_unit, t.verb, t.ordering_key, t.deliver,"
    " t.authority, t.job_id, coalesce(j.state, t.state){more} FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id"
)


def rehome(tx: Transaction, order: Rehoming) -> dict[str, int]:
    """Give transactions another authority; how many were swapped, entered, copied and caught up.

    Raises Refused while a delivery of one of them is under way, and for what the source is not the authority of.
    """
    epochs = fence.enter(tx, order.scope.entities)
    swap, enter, copy = (_numbers(ids) for ids in (order.swap, order.enter, order.copy))
    known = _known(tx, [*swap, *enter, *copy], order)
    theirs = _jobs_in(tx, swap, order.target)
    behind = _left_alone(tx, order)
    added: list[tuple[Header, SystemId, Role]] = [
        *((known[seq], order.target, "authority") for seq in enter),
        *((known[seq], order.target, "shadow") for seq in copy),
        *((row, order.source, "shadow") for row in behind),
    ]
    new = _add(tx, sorted(added))
    roles: list[Row] = []
    owners: list[Row] = []
    for seq in [*swap, *enter]:
        row = known[seq]
        job_id = (
            new.get(seq)
            if seq in new
            else theirs[seq][0]
            if theirs.get(seq, (0, ""))[1] == "posted"
            else None
        )
        if row.delivered and job_id is None:
            raise Refused(f"{id_text(seq)} has no copy in {order.target} that could become the authority's")
        if row.job_id is not None:
            roles.append(("shadow", row.job_id))
        if job_id is not None:
            roles.append(("authority", job_id))
        owners.append((job_id, order.target, seq))
    tx.many("UPDATE jobs SET role = ? WHERE job_id = ?", roles)
    tx.many("UPDATE transactions SET job_id = ?, authority = ? WHERE seq = ?", owners)
    _decide(tx, [known[seq] for seq in sorted([*swap, *enter]) if known[seq].delivered], order, epochs)
    for rows, way in (
        ([known[seq] for seq in swap], "swapped"),
        ([known[seq] for seq in enter], "entered again"),
        ([known[seq] for seq in copy], "copied"),
        (behind, "caught up"),
    ):
        _say(tx, rows, way, order, epochs)
    return {"swapped": len(swap), "entered": len(enter), "copied": len(copy), "caught_up": len(behind)}


def _numbers(ids: Iterable[str]) -> list[int]:
    found = []
    for one in dict.fromkeys(ids):
        seq = number(one)
        if seq is None:
            raise Refused(f"{one[:40]!r} is no transaction id such as T000000000001")
        found.append(seq)
    return sorted(found)


def _known(tx: Transaction, seqs: Sequence[int], order: Rehoming) -> dict[int, Header]:
    """The transactions as they stand; raises Refused where that is not as the order has it."""
    rows = tx.among(_HEADER.format(more="") + " WHERE {any}", "t.seq", list(seqs))
    known = {row[0]: Header._make(row) for row in rows}
    entities = frozenset(order.scope.entities)
    for seq in seqs:
        row = known.get(seq)
        if row is None or row.authority != order.source or row.legal_entity not in entities:
            raise Refused(f"{id_text(seq)} is no transaction of this scope in {order.source}")
        if row.state in _UNSETTLED:
            raise Refused(f"{id_text(seq)} is still on its way to {order.source}", mend="drain, then go on")
    return known


def _left_alone(tx: Transaction, order: Rehoming) -> list[Header]:
    """What followed its original to the target alone since the switch, and can be followed in the source now."""
    if not order.shadow or not order.since:
        return []
    rows = tx.among(
        _HEADER.format(
            more=", t.canonical, t.schema_version,"
            " (SELECT d.epoch FROM decisions AS d WHERE d.seq = t.seq ORDER BY d.n DESC LIMIT 1)"
        )
        + " WHERE t.authority = ? AND t.deliver = 1 AND t.transactional = 1 AND j.state = 'posted' AND NOT EXISTS"
        f" (SELECT 1 FROM jobs AS o WHERE o.job_id >= t.seq * {JOBS_PER_TRANSACTION}"
        f" AND o.job_id < (t.seq + 1) * {JOBS_PER_TRANSACTION} AND o.target = ?) AND {{any}}",
        "t.legal_entity",
        sorted(order.since),
        order.target,
        order.source,
    )
    found: list[tuple[Header, tuple[str, str]]] = []
    for *header, canonical, version, epoch in sorted(rows):
        row = Header._make(header)
        document = document_of(canonical, version)
        if epoch is not None and epoch >= order.since[row.legal_entity] and order.scope.covers(document):
            refers = document.refers_to
            if refers is not None:
                found.append((row, refers))
    standing = records.crosswalk(tx, order.source, [refers for _, refers in found])
    # What it refers to must stand in the source, or its shadow would wait there in vain.
    return [row for row, refers in found if refers in standing]


def _add(tx: Transaction, wanted: Sequence[tuple[Header, SystemId, Role]]) -> dict[int, int]:
    """Queue jobs; the id of each transaction's.

    Also the shadows go in the lane of the authority: what stays behind and what comes back depend on each
    other (a billing event bills the time before it), and order is kept within a lane only.
    """
    lanes.touch(
        tx,
        [
            (
                target,
                lane_of("authority", row.ordering_key),
                row.legal_entity,
                role,
                row.seq,
                row.business_unit,
                row.kind,
            )
            for row, target, role in wanted
        ],
    )
    numbers = next_job_numbers(tx, [row.seq for row, _, _ in wanted])
    ids: dict[int, int] = {}
    rows: list[Row] = []
    for header, target, role in wanted:
        job = NewJob(
            target=target,
            role=role,
            operation=operation_of(header.verb),
            external_id=header.document_id,
            lane=LaneKey(lane_of("authority", header.ordering_key)),
            kind=header.kind,
        )
        rows.append(
            job_row(tx, header.seq, numbers[header.seq], job, header.legal_entity, header.business_unit)
        )
        ids[header.seq] = int(rows[-1][0])
        tx.pokes[target] = None
    tx.insert("jobs", JOB_COLUMNS, rows)
    return ids


def _decide(tx: Transaction, rows: Sequence[Header], order: Rehoming, epochs: fence.Epochs) -> None:
    """A new decision for each, of the epoch in force; the earlier ones stay."""
    newest: dict[int, int] = dict(
        tx.among(
            "SELECT seq, max(n) FROM decisions WHERE {any} GROUP BY seq", "seq", [row.seq for row in rows]
        )
    )
    made = []
    for row in rows:
        epoch, version = epochs[row.legal_entity]
        decision = Decision(
            rule=RULE,
            table_version=version or 0,
            authority=order.target,
            shadow=order.source if order.shadow else None,
            why=f"rolled back from {order.source} to {order.target} by {order.by}: {order.why}",
            epoch=epoch,
        )
        made.append(decision_row(tx, row.seq, newest.get(row.seq, 0) + 1, decision))
    tx.insert("decisions", DECISION_COLUMNS, made)


def _say(tx: Transaction, rows: Sequence[Header], way: str, order: Rehoming, epochs: fence.Epochs) -> None:
    notes = []
    for row in rows:
        detail: dict[str, object] = {
            "way": way,
            "from": order.source,
            "to": order.target,
            "by": order.by,
            "why": order.why,
            "legal_entity": row.legal_entity,
        }
        if way in ("swapped", "entered again"):
            detail["epoch"] = epochs[row.legal_entity][0]
        notes.append((row.seq, tx.now, NOTE, as_json(detail)))
    tx.insert("history", "seq,at,what,detail", notes)
