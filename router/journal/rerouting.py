"""Work that is decided again or sent again: releases, replays, and the start of a dual run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from router.canonical import KINDS, Document
from router.errors import BadInput, NotFound, Refused
from router.journal import lanes, redating
from router.journal.decisions import lane_of, resting_state
from router.journal.engine import Row, Transaction
from router.journal.naming import put_names
from router.journal.port import Decide, NewJob, Scope
from router.journal.prepared import Prepared, beyond, stale_words, within
from router.journal.redating import Moved
from router.journal.registers import Registers
from router.journal.routing import (
    DECISION_COLUMNS,
    JOB_COLUMNS,
    decide_all,
    decision_row,
    job_row,
    jobs_of,
    next_job_numbers,
)
from router.journal.schema import JOBS_PER_TRANSACTION, RESTING
from router.journal.scopes import Scoped, in_scope
from router.journal.words import as_json, document_of, number
from router.model import Decision, Event, LaneKey, State, SystemId, after

Resting = tuple[int, str, Document]
"""Number, verb and document of a transaction that is decided again."""


def release(
    tx: Transaction,
    asked: Scoped,
    decide: Decide | None,
    *,
    by: str,
    why: str,
    moved: Moved | None = None,
) -> int:
    """Decide the held transactions of a scope again by the current table; how many were let go.

    What lies outside of it, held by another wave's freeze, is not touched.

    What can't enter its period any more is dated into the next one (`router.journal.redating`).
    """
    condition, values = in_scope(tx, asked)
    rows = tx.rows(
        f"SELECT seq, verb, canonical, schema_version FROM transactions WHERE {RESTING} AND state = 'held'"
        f" AND {condition} ORDER BY seq",
        values,
    )
    resting = [(seq, verb, document_of(canonical, version)) for seq, verb, canonical, version in rows]
    return _again(tx, resting, decide, Event.RELEASED, {"by": by, "why": why}, moved)


def _again(
    tx: Transaction,
    resting: Sequence[Resting],
    decide: Decide | None,
    event: Event,
    said: dict[str, str],
    moved: Moved | None,
) -> int:
    """Route transactions that have no authority job yet; how many left their state."""
    dated = redating.moved_on(tx, resting, moved)
    before = {seq: document for seq, _, document in resting if seq in dated}
    resting = [(seq, verb, dated.get(seq, document)) for seq, verb, document in resting]
    decided = decide_all(tx, [(document, verb) for _, verb, document in resting], decide) if resting else []
    jobs = [
        (seq, document, job)
        for (seq, verb, document), decision in zip(resting, decided, strict=True)
        for job in jobs_of(decision, document, verb)
    ]
    lanes.touch(tx, [lanes.row_of(job, doc, seq) for seq, doc, job in jobs])
    first = _add(tx, jobs)
    record_decisions(tx, [seq for seq, _, _ in resting], decided)
    rows, notes = [], []
    gone = 0
    for (seq, _, document), decision in zip(resting, decided, strict=True):
        state = resting_state(canonical=True, deliver=True, decision=decision)
        gone += state is State.QUEUED or (event is Event.RELEASED and state is State.PARKED)
        authority = decision.authority if state is State.QUEUED else None
        rows.append((state.value, first.get(seq), authority, seq))
        if state is not State.QUEUED:
            dated.pop(seq, None)
        detail = said | {"event": event.value, "rule": decision.rule, "legal_entity": document.legal_entity}
        notes.append((seq, tx.now, state.value, as_json(detail | {"epoch": decision.epoch})))
    tx.many("UPDATE transactions SET state = ?, job_id = ?, authority = ? WHERE seq = ?", rows)
    tx.insert("history", "seq,at,what,detail", notes)
    redating.keep(tx, dated, before, state="held")
    return gone


def _add(tx: Transaction, jobs: Sequence[tuple[int, Document, NewJob]]) -> dict[int, int]:
    """Insert jobs of known transactions; the id of each one's first."""
    numbers = next_job_numbers(tx, dict.fromkeys(seq for seq, _, _ in jobs))
    first: dict[int, int] = {}
    rows: list[Row] = []
    for seq, document, job in jobs:
        rows.append(job_row(tx, seq, numbers[seq], job, document.legal_entity, document.business_unit))
        first.setdefault(seq, int(rows[-1][0]))
        numbers[seq] += 1
        tx.pokes[job.target] = None
    tx.insert("jobs", JOB_COLUMNS, rows)
    return first


def record_decisions(tx: Transaction, seqs: Sequence[int], decided: Sequence[Decision]) -> None:
    """Append decisions; the earlier ones stay."""
    newest: dict[int, int] = dict(
        tx.among("SELECT seq, max(n) FROM decisions WHERE {any} GROUP BY seq", "seq", list(seqs))
    )
    tx.insert(
        "decisions",
        DECISION_COLUMNS,
        [
            decision_row(tx, seq, newest.get(seq, 0) + 1, decision)
            for seq, decision in zip(seqs, decided, strict=True)
        ],
    )


def replay(
    tx: Transaction,
    ids: Sequence[str],
    decide: Decide | None,
    moved: Moved | None = None,
    /,
    *,
    route: Literal["pinned", "again"],
    by: str,
    why: str,
) -> int:
    """Send refused and dead jobs of these transactions again; how many transactions had any.

    `again` decides anew first; a transaction that was parked is always decided anew. A job that died
    in doubt goes back in doubt: it is looked up before it is sent, and never moved to another ERP.
    What is sent anew and can't enter its period any more is dated into the next one. Raises NotFound
    for an unknown id.
    """
    seqs = [_number(one) for one in dict.fromkeys(ids)]
    rows = tx.among(
        "SELECT t.seq, t.verb, t.canonical, t.schema_version, t.state, t.job_id, j.state, j.doubtful FROM transactions AS t"
        " LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE {any} ORDER BY t.seq",
        "t.seq",
        seqs,
    )
    if len(rows) < len(seqs):
        known = {row[0] for row in rows}
        missing = [one for one in ids if _number(one) not in known]
        raise NotFound(f"there is no transaction {missing[0]}")
    said = {"by": by, "why": why}
    resting: list[Resting] = []
    failed: list[Resting] = []
    for seq, verb, canonical, version, state, job_id, job_state, doubtful in rows:
        if canonical is None:
            continue
        document = document_of(canonical, version)
        if job_id is None and state == State.PARKED.value:
            resting.append((seq, verb, document))
        elif job_state in _FAILED and not doubtful:
            failed.append((seq, verb, document))
    dated = redating.moved_on(tx, failed, moved)
    redating.keep(tx, dated, {seq: document for seq, _, document in failed}, state="replayed")
    redating.mark(tx, dated)
    done: set[int] = set()
    if route == "again":
        for seq, verb, document in failed:
            done.update(_reroute(tx, (seq, verb, dated.get(seq, document)), decide, said))
    done.update(_revive(tx, [seq for seq in seqs if seq not in done], said))
    return len(done) + _again(tx, resting, decide, Event.REPLAYED, said, moved)


def tell(tx: Transaction, kind: str, document_id: str, jobs: Sequence[NewJob], *, by: str) -> int:
    """Add feedback jobs to the newest transaction of a document; its number. Raises NotFound, Refused.

    A system that is still to be told by an earlier one of these gets no second job: what it is told
    is read now, so it would be told the same twice.
    """
    rows = tx.rows(
        "SELECT seq, canonical, schema_version FROM transactions WHERE kind = ? AND document_id = ?"
        f" AND transactional = {int(KINDS[kind].transactional)} AND canonical IS NOT NULL"
        " ORDER BY seq DESC LIMIT 1",
        (kind, document_id),
    )
    if not rows:
        raise NotFound(f"there is no {kind} {document_id!r}")
    seq, canonical, version = rows[0]
    document = document_of(canonical, version)
    span = (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION)
    waiting = {
        row[0]
        for row in tx.rows(
            "SELECT target FROM jobs WHERE job_id >= ? AND job_id < ? AND role = 'feedback' AND state = 'queued'",
            span,
        )
    }
    wanted = [(seq, document, job) for job in jobs if job.target not in waiting]
    if next_job_numbers(tx, [seq])[seq] + len(wanted) > JOBS_PER_TRANSACTION:
        raise Refused(f"{kind} {document_id} was told too often already")
    lanes.touch(tx, [lanes.row_of(job, doc, seq) for _, doc, job in wanted])
    if wanted:
        _add(tx, wanted)
    tx.insert("history", "seq,at,what,detail", [(seq, tx.now, "told again", as_json({"by": by}))])
    return int(seq)


def complete(
    tx: Transaction, mended: Mapping[str, Prepared], said: Mapping[str, str]
) -> tuple[int, list[Prepared]]:
    """Give parked transactions the document they lacked.

    Returns how many were facts, and so are settled by it, and what their registers left over, which
    is to be accepted by itself. A version that does not follow stays parked.

    The payload as received and the first problem stay. A document id that was accepted before stays
    parked: a second time entry of one id is never sent.
    """
    facts = 0
    over: list[Prepared] = []
    uses = [part for one in mended.values() for part in (one.submission.draw, one.submission.advance) if part]
    registers = Registers(tx, [part.register for part in uses])
    for transaction_id, given in mended.items():
        seq = _number(transaction_id)
        known = given.once and tx.rows(
            "SELECT seq FROM transactions WHERE kind = ? AND transactional = 1 AND document_id = ?",
            given.once,
        )
        if known or not _is_parked(tx, seq):
            continue
        prepared, left = _registered(tx, seq, given, registers)
        if prepared is None:
            continue
        over += [left] if left is not None else []
        facts += not prepared.submission.deliver
        _write_completed(tx, seq, prepared, said)
    registers.keep()
    return facts, over


def _registered(
    tx: Transaction, seq: int, given: Prepared, registers: Registers
) -> tuple[Prepared | None, Prepared | None]:
    """A completed submission after what it draws on or moves on, and what is left over; None: stays parked."""
    advance, draw, document = given.submission.advance, given.submission.draw, given.submission.document
    stands = registers.move(advance) if advance is not None else None
    if advance is not None and stands is not None:
        problem, code = stale_words(advance, stands)
        tx.run("UPDATE transactions SET problem = ?, problem_code = ? WHERE seq = ?", (problem, code, seq))
        return None, None
    if draw is None or document is None:
        return given, None
    split = registers.split(document, draw)
    if split.problem:
        said = (split.problem, split.problem_code, seq)
        tx.run("UPDATE transactions SET problem = ?, problem_code = ? WHERE seq = ?", said)
        return None, None
    return within(given, split), beyond(given, split.beyond) if split.beyond is not None else None


def _write_completed(tx: Transaction, seq: int, prepared: Prepared, said: Mapping[str, str]) -> None:
    document, deliver = prepared.submission.document, prepared.submission.deliver
    assert document is not None
    tx.run(
        "UPDATE transactions SET canonical = ?, document_id = ?, transactional = ?, correlation_id = ?,"
        " legal_entity = ?, accounting_date = ?, ordering_key = ?, currency = ?, amount_minor = ?,"
        " deliver = ?, state = ?, schema_version = ?, business_unit = ? WHERE seq = ?",
        (
            prepared.canonical, document.document_id, int(prepared.transactional),
            prepared.submission.correlation_id, prepared.legal_entity,
            document.accounting_date.isoformat(), prepared.ordering_key, prepared.currency,
            prepared.amount_minor, int(deliver), (State.PARKED if deliver else State.POSTED).value,
            document.version, prepared.business_unit, seq,
        ),
    )  # fmt: skip
    tx.insert("history", "seq,at,what,detail", [(seq, tx.now, "completed", as_json(dict(said)))])
    known = [
        (system, document.kind, document.document_id, vendor_id, tx.now)
        for system, vendor_id in prepared.submission.crosswalk
    ]
    put_names(tx, known)


def _is_parked(tx: Transaction, seq: int) -> bool:
    return bool(
        tx.rows(
            "SELECT seq FROM transactions WHERE seq = ? AND canonical IS NULL AND state = 'parked'", (seq,)
        )
    )


_FAILED = {State.REFUSED.value, State.DEAD.value}


def _number(transaction_id: str) -> int:
    found = number(transaction_id)
    if found is None:
        raise BadInput(f"{transaction_id[:40]!r} is no transaction id such as T000000000001")
    return found


def _reroute(tx: Transaction, one: Resting, decide: Decide | None, said: dict[str, str]) -> list[int]:
    """Move a refused transaction to another ERP if the current table says so; its number when it moved."""
    seq, verb, document = one
    decision = decide_all(tx, [(document, verb)], decide)[0]
    used = {
        row[0]
        for row in tx.rows(
            "SELECT target FROM jobs WHERE job_id >= ? AND job_id < ? AND role <> 'feedback'",
            (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION),
        )
    }
    wanted = jobs_of(decision, document, verb)
    if not wanted or wanted[0].target in used:
        return []  # where it was, where its shadow is, or nowhere: it stays with its first authority
    record_decisions(tx, [seq], [decision])
    jobs = [(seq, document, job) for job in wanted if job.target not in used]
    lanes.touch(tx, [lanes.row_of(job, document, seq) for _, _, job in jobs])
    first = _add(tx, jobs)
    tx.run(
        "UPDATE transactions SET job_id = ?, authority = ? WHERE seq = ?",
        (first[seq], decision.authority, seq),
    )
    detail = said | {"event": Event.REPLAYED.value, "rule": decision.rule, "target": wanted[0].target}
    tx.insert("history", "seq,at,what,detail", [(seq, tx.now, State.QUEUED.value, as_json(detail))])
    return [seq]


def _revive(tx: Transaction, seqs: Sequence[int], said: dict[str, str]) -> list[int]:
    """Put refused and dead jobs back at their place in their lanes.

    Not what an ERP refused before the transaction was routed to another: it would be posted twice.
    """
    rows = [
        row
        for seq in seqs
        for row in tx.rows(
            "SELECT job_id, target, lane, legal_entity, role, business_unit, kind, state, doubtful FROM jobs"
            " WHERE job_id >= ? AND job_id < ? AND state IN ('refused','dead') AND (role <> 'authority'"
            " OR job_id = (SELECT t.job_id FROM transactions AS t WHERE t.seq = ?)) ORDER BY job_id",
            (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION, seq),
        )
    ]
    lanes.touch(tx, [(*row[1:5], row[0] // JOBS_PER_TRANSACTION, *row[5:7]) for row in rows])
    changed, notes = [], []
    for job_id, target, _, _, role, _, _, state, doubtful in rows:
        then = after(State(state), Event.REPLAYED)
        if doubtful:
            then = after(after(then, Event.CLAIMED), Event.LEASE_LOST)
        changed.append((then.value, tx.now, tx.now, job_id))
        detail = said | {"job": job_id, "target": target, "role": role, "event": Event.REPLAYED.value}
        notes.append((job_id // JOBS_PER_TRANSACTION, tx.now, then.value, as_json(detail)))
        tx.pokes[target] = None
    tx.many(
        "UPDATE jobs SET state = ?, due = ?, waiting_since = ?, attempts = 0, settled_at = NULL,"
        " doubtful = 0 WHERE job_id = ?",
        changed,
    )
    tx.insert("history", "seq,at,what,detail", notes)
    return list(dict.fromkeys(row[0] // JOBS_PER_TRANSACTION for row in rows))


def add_shadow(
    tx: Transaction,
    *,
    target: SystemId,
    entities: Sequence[str],
    kinds: Sequence[str],
    external_id: Callable[[Document], str],
    business_units: Sequence[str] = (),
) -> int:
    """Start a dual run: shadow jobs for the newest posted documents of these kinds and units; how many."""
    found: list[tuple[int, Document]] = []
    for kind in kinds:
        scope = Scope(entities=tuple(entities), business_units=tuple(business_units), kinds=(kind,))
        condition, values = in_scope(tx, scope, "t")
        rows = tx.rows(
            "SELECT max(t.seq) FROM transactions AS t JOIN jobs AS j ON j.job_id = t.job_id"
            f" WHERE j.state = 'posted' AND j.operation = 'create' AND {condition} GROUP BY t.document_id",
            values,
        )
        for seq, canonical, version in tx.among(
            "SELECT t.seq, t.canonical, t.schema_version FROM transactions AS t WHERE NOT EXISTS (SELECT 1 FROM jobs AS j"
            f" WHERE j.job_id >= t.seq * {JOBS_PER_TRANSACTION}"
            f" AND j.job_id < (t.seq + 1) * {JOBS_PER_TRANSACTION} AND j.target = ?)"
            " AND {any}",
            "t.seq",
            [row[0] for row in rows],
            target,
        ):
            found.append((seq, document_of(canonical, version)))
    jobs = []
    for seq, document in sorted(found, key=lambda one: one[0]):
        job = NewJob(
            target=target,
            role="shadow",
            operation="create",
            external_id=external_id(document),
            lane=LaneKey(lane_of("shadow", document.ordering_key)),
            kind=document.kind,
        )
        jobs.append((seq, document, job))
    lanes.touch(tx, [lanes.row_of(job, doc, seq) for seq, doc, job in jobs])
    _add(tx, jobs)
    detail = {"target": target, "event": "dual run started"}
    tx.insert(
        "history",
        "seq,at,what,detail",
        [(seq, tx.now, State.QUEUED.value, as_json(detail)) for seq, _, _ in jobs],
    )
    return len(jobs)
