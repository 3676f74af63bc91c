"""Settling leases: outcomes, what they created, what follows from them, in one commit.

A stale token changes nothing: the history records what came too late. Locks are taken in one order
by everybody: fences, then lanes sorted, then the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from router.canonical import Document
from router.clock import to_text
from router.errors import Broken
from router.journal import acceptance, lanes
from router.journal.acceptance import Plan
from router.journal.engine import Row, Transaction, TryAgain
from router.journal.naming import put_names
from router.journal.periods import Late
from router.journal.port import Conflict, Decide, LeaseSettlement, Settlement, Submission
from router.journal.prepared import Prepared, prepare
from router.journal.routing import JOB_COLUMNS, job_row, next_job_numbers
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import MOST_WHY, as_json, cleaned, packed
from router.model import SETTLED, LaneKey, Role, State, SystemId, after

_MOST_VENDOR_ID = 256


class Known(NamedTuple):
    """A job as settling needs it."""

    job_id: int
    target: SystemId
    lane: LaneKey
    role: Role
    kind: str
    external_id: str
    legal_entity: str
    state: str
    attempts: int
    correlation_id: str
    business_unit: str

    @property
    def seq(self) -> int:
        """The number of its transaction."""
        return self.job_id // JOBS_PER_TRANSACTION


@dataclass(slots=True)
class _Changes:
    """Rows a group of settlements comes to."""

    done: dict[str, list[int]] = field(default_factory=dict)
    moved: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    crosswalk: list[Row] = field(default_factory=list)
    exchanges: list[Row] = field(default_factory=list)
    processes: list[Row] = field(default_factory=list)


def settle(
    tx: Transaction, group: Sequence[LeaseSettlement], decide: Decide | None, late: Late | None = None
) -> list[bool]:
    """Settle leases; False where the token is stale."""
    held = _held(tx, group, lock=False)
    live = [one for one, is_held in zip(group, held, strict=True) if is_held]
    known = _known(tx, live)
    planned = acceptance.plan(tx, _submissions(live, known), decide, late)
    _lock(tx, live, known, planned)
    if tx.dialect.lock_rows and _held(tx, group, lock=True) != held:
        raise TryAgain("a lease was lost just now")
    changes = _Changes()
    exchange_ids = _exchanges(tx, live, changes)
    for one, is_held in zip(group, held, strict=True):
        if is_held:
            _one_lease(tx, one, known, exchange_ids, changes)
        else:
            _too_late(tx, one, changes)
    _write(tx, changes)
    _note_conflicts(tx, planned, acceptance.write(tx, planned))
    _add_jobs(tx, live, known)
    returned: dict[SystemId, list[str]] = {}
    for one in live:
        if one.release:
            returned.setdefault(one.target, []).append(one.lane)
    for target, names in returned.items():
        lanes.refresh(tx, target, names)
    return held


def _held(tx: Transaction, group: Sequence[LeaseSettlement], *, lock: bool) -> list[bool]:
    """Which of these leases still hold their lane."""
    wanted: dict[SystemId, dict[str, None]] = {}
    for one in sorted(group, key=lambda one: (one.target, one.lane)):
        wanted.setdefault(one.target, {})[one.lane] = None
    tokens: dict[tuple[str, str], int] = {}
    for target, names in wanted.items():
        text = "SELECT lane, token FROM lanes WHERE target = ? AND lease_until IS NOT NULL AND {any} ORDER BY lane"
        for lane, token in tx.among(
            text + (tx.dialect.lock_rows if lock else ""), "lane", list(names), target
        ):
            tokens[(target, lane)] = token
    return [tokens.get((one.target, one.lane)) == one.token for one in group]


def _known(tx: Transaction, live: Sequence[LeaseSettlement]) -> dict[int, Known]:
    ids = [int(settlement.job_id) for one in live for settlement in one.settlements]
    rows = tx.among(
        "SELECT j.job_id, j.target, j.lane, j.role, j.kind, j.external_id, j.legal_entity, j.state, j.attempts,"
        f" t.correlation_id, j.business_unit FROM jobs AS j JOIN transactions AS t ON t.seq = j.job_id / {JOBS_PER_TRANSACTION}"
        " WHERE {any}",
        "j.job_id",
        ids,
    )
    return {job.job_id: job for job in map(Known._make, rows)}


def _submissions(live: Sequence[LeaseSettlement], known: dict[int, Known]) -> list[Prepared]:
    """Documents the authority made, as facts, and what workflows submit; a shadow's stay in its outcome."""
    found: list[Prepared] = []
    for one in live:
        for settlement in one.settlements:
            job = _job(known, one, settlement)
            if job.role == "authority":
                found.extend(_fact(job, document, settlement) for document in settlement.created)
            found.extend(prepare(submission) for submission in settlement.follow_up.submissions)
    return found


def _job(known: dict[int, Known], one: LeaseSettlement, settlement: Settlement) -> Known:
    job = known.get(int(settlement.job_id))
    if job is None or (job.target, job.lane) != (one.target, one.lane):
        raise Broken(f"job {settlement.job_id} is not in lane {one.lane} of {one.target}")
    return job


def _fact(job: Known, document: Document, settlement: Settlement) -> Prepared:
    key = f"{document.kind} {document.document_id}"
    # It arrived inside a response, journalled as an exchange; as `received` it stands as it was read.
    submission = Submission(
        client=f"erp:{job.target}",
        idempotency_key=key,
        received=document.model_dump_json(exclude_none=True).encode(),
        source=f"erp:{job.target}",
        event_id=key,
        verb=document.verbs[0],
        document=document,
        kind=document.kind,
        correlation_id=job.correlation_id,
        crosswalk=((job.target, _vendor_id(document, settlement)),),
        deliver=False,
    )
    return prepare(submission, made_by=job.target)


def _vendor_id(document: Document, settlement: Settlement) -> str:
    # What a job made is addressed by the id the job got; the document's number is for people.
    number = settlement.vendor_id or getattr(document, "number", None) or document.document_id
    return cleaned(number, _MOST_VENDOR_ID)


def _lock(tx: Transaction, live: Sequence[LeaseSettlement], known: dict[int, Known], planned: Plan) -> None:
    rows = acceptance.lane_rows(tx, planned) if planned.fresh else []
    for one in live:
        for settlement in one.settlements:
            if settlement.follow_up.jobs:
                job = known[int(settlement.job_id)]
                rows.extend(
                    (new.target, new.lane, job.legal_entity, new.role, job.seq, job.business_unit, new.kind)
                    for new in settlement.follow_up.jobs
                )
    if rows and tx.dialect.lock_rows:
        # The leased lanes among them, so that all are locked in one sorted pass; being due, they don't change.
        rows.extend((one.target, one.lane, "", "authority", 0, "", "") for one in live)
    lanes.touch(tx, rows)


def _one_lease(
    tx: Transaction,
    one: LeaseSettlement,
    known: dict[int, Known],
    exchange_ids: dict[int, int],
    changes: _Changes,
) -> None:
    for settlement in one.settlements:
        job = _job(known, one, settlement)
        try:
            state = after(State(job.state), settlement.event)
        except KeyError as error:
            raise Broken(
                f"job {job.job_id} is {job.state}: {settlement.event.value!r} can't happen"
            ) from error
        at = settlement.exchange
        exchange_id = None if at is None else exchange_ids[id(one.exchanges[at])]
        _change(tx, one, job, settlement, state, exchange_id, changes)
        known[job.job_id] = job._replace(state=state.value)


def _change(
    tx: Transaction,
    one: LeaseSettlement,
    job: Known,
    settlement: Settlement,
    state: State,
    exchange_id: int | None,
    changes: _Changes,
) -> None:
    why, code = cleaned(settlement.why, MOST_WHY), cleaned(settlement.code, MOST_WHY)
    if state is State.POSTED and settlement.counts and not why and not code:
        changes.done.setdefault(state.value, []).append(job.job_id)
    else:
        due = tx.now if settlement.due is None else to_text(settlement.due)
        doubtful = int(state is State.DEAD and job.state == State.IN_DOUBT.value)
        settled_at = tx.now if state in SETTLED else None
        attempts = job.attempts - (0 if settlement.counts else 1)
        changes.moved.append((state.value, due, attempts, settled_at, code, why, doubtful, job.job_id))
    outcome: dict[str, object] = {}
    if settlement.vendor_id is not None:
        vendor_id = outcome["vendor_id"] = cleaned(settlement.vendor_id, _MOST_VENDOR_ID)
        changes.crosswalk.append((job.target, job.kind, job.external_id, vendor_id, tx.now))
    if settlement.created:
        outcome["created"] = [document.model_dump(mode="json") for document in settlement.created]
        if job.role == "shadow":  # the authority's go to the crosswalk with the fact they become
            for document in settlement.created:
                number = _vendor_id(document, settlement)
                changes.crosswalk.append((job.target, document.kind, document.document_id, number, tx.now))
    event = settlement.event.value
    changes.attempts.append(
        (tx.now, event, code, why, exchange_id, as_json(outcome) if outcome else None, job.job_id, one.token)
    )
    detail: dict[str, object] = {"job": job.job_id, "target": job.target, "role": job.role, "event": event}
    if why:
        detail["why"] = why
    if code:
        detail["code"] = code
    changes.notes.append((job.seq, tx.now, state.value, as_json(detail)))
    if settlement.follow_up.process is not None:
        state_text = as_json(dict(settlement.follow_up.process))
        changes.processes.append((job.correlation_id, state_text, tx.now))


def _exchanges(tx: Transaction, live: Sequence[LeaseSettlement], changes: _Changes) -> dict[int, int]:
    """Ids of the exchanges by identity: lanes that shared a call share its exchange, stored once."""
    given = {id(exchange): (one.target, exchange) for one in live for exchange in one.exchanges}
    ids = tx.dialect.draw(tx, "exchanges", "exchange_id", len(given))
    changes.exchanges += [
        (number, tx.now, target, packed(exchange.request), packed(exchange.response))
        for number, (target, exchange) in zip(ids, given.values(), strict=True)
    ]
    return dict(zip(given, ids, strict=True))


def _too_late(tx: Transaction, one: LeaseSettlement, changes: _Changes) -> None:
    for settlement in one.settlements:
        detail = {
            "job": int(settlement.job_id),
            "lane": one.lane,
            "target": one.target,
            "token": one.token,
            "event": settlement.event.value,
            "why": cleaned(settlement.why, MOST_WHY),
            "vendor_id": cleaned(settlement.vendor_id or "", _MOST_VENDOR_ID),
        }
        seq = int(settlement.job_id) // JOBS_PER_TRANSACTION
        changes.notes.append((seq, tx.now, "came too late", as_json(detail)))


def _write(tx: Transaction, changes: _Changes) -> None:
    for state, ids in changes.done.items():
        tx.run(
            f"UPDATE jobs SET state = ?, settled_at = ?, code = '', why = '' WHERE {tx.dialect.any('job_id')}",
            (state, tx.now, tx.dialect.values(ids)),
        )
    tx.many(
        "UPDATE jobs SET state = ?, due = ?, attempts = ?, settled_at = ?, code = ?, why = ?, doubtful = ?"
        " WHERE job_id = ?",
        changes.moved,
    )
    tx.insert("exchanges", "exchange_id,at,target,request,response", changes.exchanges)
    tx.many(
        "UPDATE attempts SET settled_at = ?, event = ?, code = ?, why = ?, exchange_id = ?, outcome = ?"
        " WHERE job_id = ? AND token = ?",
        changes.attempts,
    )
    put_names(tx, changes.crosswalk)
    tx.insert("history", "seq,at,what,detail", changes.notes)
    tx.insert(
        "processes",
        "correlation_id,state,at",
        changes.processes,
        "ON CONFLICT (correlation_id) DO UPDATE SET state = excluded.state, at = excluded.at",
    )


def _note_conflicts(tx: Transaction, planned: Plan, answers: Sequence[object]) -> None:
    """A document that differs from the one accepted before can't stop a settlement, but must be seen."""
    tx.insert(
        "history",
        "seq,at,what,detail",
        [
            (int(answer.first[1:]), tx.now, "conflicting document", as_json({"what": answer.what, "n": at}))
            for at, answer in enumerate(answers)
            if isinstance(answer, Conflict)
        ],
    )
    assert len(answers) == len(planned.answers)


def _add_jobs(tx: Transaction, live: Sequence[LeaseSettlement], known: dict[int, Known]) -> None:
    wanted = [
        (known[int(settlement.job_id)], new)
        for one in live
        for settlement in one.settlements
        for new in settlement.follow_up.jobs
    ]
    numbers = next_job_numbers(tx, dict.fromkeys(job.seq for job, _ in wanted))
    rows = []
    for job, new in wanted:
        rows.append(job_row(tx, job.seq, numbers[job.seq], new, job.legal_entity, job.business_unit))
        numbers[job.seq] += 1
        tx.pokes[new.target] = None
    tx.insert("jobs", JOB_COLUMNS, rows)
