"""Accepting documents: idempotency, fence, lineage and pins, decision, and rows, in one commit.

Idempotency comes before the fence: a client's retry after a cutover gets its first answer (I6).
`prepare` runs outside the transaction and refuses what can't be stored, so that one caller's bad
submission fails alone; `plan` decides; `write` writes. A settlement uses the same three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from router.canonical import Document
from router.journal import fence, lanes
from router.journal.decisions import resting_state
from router.journal.engine import Row, Transaction
from router.journal.naming import put_names
from router.journal.periods import Late, not_open
from router.journal.port import (
    Acceptance,
    Accepted,
    Conflict,
    Decide,
    NewJob,
    Stale,
)
from router.journal.prepared import (
    Prepared,
    beyond,
    closed_words,
    kept_conflict,
    parked,
    stale_words,
    within,
)
from router.journal.registers import Registers
from router.journal.routing import (
    DECISION_COLUMNS,
    JOB_COLUMNS,
    decide_all,
    decision_row,
    job_row,
    jobs_of,
)
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import MOST_WHY, as_json, cleaned, id_text
from router.model import Decision, State, SystemId

_COLUMNS = (
    "seq,client,idempotency_key,fingerprint,kind,document_id,transactional,source,event_id,verb,received,"
    "canonical,problem,correlation_id,legal_entity,accounting_date,ordering_key,currency,amount_minor,"
    "deliver,state,job_id,authority,accepted_at,schema_version,problem_code,business_unit"
)
OWN = "coexist"
"""The client of documents our own processes make: nobody waits for the answer to them."""


@dataclass(slots=True)
class Fresh:
    """A submission not seen before, on its way to becoming a transaction."""

    at: int
    prepared: Prepared
    decision: Decision | None = None
    jobs: list[NewJob] = field(default_factory=list)
    state: State = State.PARKED


@dataclass(slots=True)
class Plan:
    """What a group of submissions comes to: first answers known, and what to write."""

    answers: list[Acceptance | None]
    fresh: list[Fresh] = field(default_factory=list)
    repeats: list[tuple[int, int, str]] = field(default_factory=list)
    """(submission, the fresh one of this group it repeats, what conflicts or nothing)."""


def accept(
    tx: Transaction, group: Sequence[Prepared], decide: Decide | None, late: Late | None = None
) -> list[Acceptance]:
    """Accept a group of submissions; the answers in their order."""
    found = plan(tx, group, decide, late)
    lanes.touch(tx, lane_rows(tx, found))
    return write(tx, found)


def plan(tx: Transaction, group: Sequence[Prepared], decide: Decide | None, late: Late | None = None) -> Plan:
    """Answer what was seen before; route the rest under the fence. Locks nothing but the fence."""
    planned = Plan([None] * len(group))
    by_key, by_document = _seen(tx, group)
    answers = _first_answers(tx, [*by_key.values(), *by_document.values()])
    new_keys: dict[tuple[str, str], Fresh] = {}
    new_documents: dict[tuple[str, str], Fresh] = {}
    for at, given in enumerate(group):
        prepared, submission = given, given.submission
        key = (submission.client, submission.idempotency_key)
        once = prepared.once
        old = by_key.get(key) or (by_document.get(once) if once else None)
        if old is not None and submission.keep_conflict and key not in by_key and _differ(old, prepared):
            prepared = kept_conflict(prepared, id_text(old[0]))
            once = old = None
        if old is not None:
            what = "idempotency key" if key in by_key else "document id"
            planned.answers[at] = _answer(old, prepared, what, answers)
            continue
        same = new_keys.get(key) or (new_documents.get(once) if once else None)
        if same is not None:
            what = "idempotency key" if key in new_keys else "document id"
            differs = "" if same.prepared.fingerprint == prepared.fingerprint else what
            if differs != "document id" or not submission.keep_conflict:
                planned.repeats.append((at, same.at, differs))
                continue
            prepared, once = kept_conflict(prepared, "the one just before it"), None
        fresh = new_keys[key] = Fresh(at, prepared)
        if once:
            new_documents[once] = fresh
        planned.fresh.append(fresh)
    if late is not None:
        _keep_closed(tx, planned, late)
    _register(tx, planned)
    _route(tx, planned.fresh, decide)
    return planned


def _keep_closed(tx: Transaction, planned: Plan, late: Late) -> None:
    """Turn away, or park, what was judged before the period it lies in was closed.

    The fence is held from here on, so that a close that returns has no acceptance beside it.
    """
    entering = [
        one.prepared.submission.document.legal_entity
        for one in planned.fresh
        if one.prepared.submission.document is not None and one.prepared.submission.deliver
    ]
    fence.enter(tx, entering)
    states = not_open(tx, entering)
    if not states:
        return
    kept: list[Fresh] = []
    for fresh in planned.fresh:
        submission, document = fresh.prepared.submission, fresh.prepared.submission.document
        kept.append(fresh)
        if document is None or not (submission.deliver and document.transactional and late(document, states)):
            continue
        if submission.keep_conflict or submission.client == OWN:
            sent = replace(submission, as_sent=submission.as_sent or document)
            fresh.prepared = parked(fresh.prepared._replace(submission=sent), *closed_words(document))
        else:
            kept.pop()
            planned.answers[fresh.at] = Stale(
                register=f"period:{document.legal_entity}/{document.accounting_date}", stands_at=0, wanted=0
            )
    planned.fresh = kept


def _register(tx: Transaction, planned: Plan) -> None:
    """Apply what new documents draw on or move on: some are split, a stale one is turned away or parked."""
    using = [one.prepared.submission for one in planned.fresh]
    names = [part.register for one in using for part in (one.draw, one.advance) if part is not None]
    if not names:
        return
    registers = Registers(tx, names)
    kept: list[Fresh] = []
    for fresh in planned.fresh:
        submission, document = fresh.prepared.submission, fresh.prepared.submission.document
        stands = registers.advance(submission.advance) if submission.advance and document else None
        if stands is not None and submission.advance is not None:
            if submission.advance.anew or not submission.keep_conflict:
                planned.answers[fresh.at] = Stale(
                    register=submission.advance.register, stands_at=stands, wanted=submission.advance.to
                )
                continue
            fresh.prepared = parked(fresh.prepared, *stale_words(submission.advance, stands))
        kept.append(fresh)
        if submission.draw is not None and document is not None:
            split = registers.split(document, submission.draw)
            if split.problem:
                fresh.prepared = parked(fresh.prepared, split.problem, split.problem_code)
                continue
            fresh.prepared = within(fresh.prepared, split)
            if split.beyond is not None:
                kept.append(Fresh(-1, beyond(fresh.prepared, split.beyond)))
    registers.keep()
    planned.fresh = kept


Seen = tuple[int, str]


def _seen(
    tx: Transaction, group: Sequence[Prepared]
) -> tuple[dict[tuple[str, str], Seen], dict[tuple[str, str], Seen]]:
    """Transactions that already have one of these keys, or one of these documents: number, fingerprint."""
    keys: dict[str, list[str]] = {}
    ids: dict[str, list[str]] = {}
    for prepared in group:
        keys.setdefault(prepared.submission.client, []).append(prepared.submission.idempotency_key)
        once = prepared.once
        if once:
            ids.setdefault(once[0], []).append(once[1])
    by_key: dict[tuple[str, str], Seen] = {}
    for client, wanted in keys.items():
        for seq, name, fingerprint in tx.among(
            "SELECT seq, idempotency_key, fingerprint FROM transactions WHERE client = ? AND {any}",
            "idempotency_key",
            wanted,
            client,
        ):
            by_key[(client, name)] = (seq, fingerprint)
    by_document: dict[tuple[str, str], Seen] = {}
    for kind, wanted in ids.items():
        for seq, name, fingerprint in tx.among(
            "SELECT seq, document_id, fingerprint FROM transactions"
            " WHERE kind = ? AND transactional = 1 AND {any}",
            "document_id",
            wanted,
            kind,
        ):
            by_document[(kind, name)] = (seq, fingerprint)
    return by_key, by_document


def _first_answers(tx: Transaction, seen: Sequence[Seen]) -> dict[int, Accepted]:
    """The first answers of transactions, rebuilt from the first decision: nothing later touches them."""
    answers = {}
    for seq, correlation_id, canonical, deliver, *decided in tx.among(
        "SELECT t.seq, t.correlation_id, t.canonical IS NOT NULL, t.deliver, d.rule, d.table_version,"
        " d.authority, d.shadow, d.hold, d.why, d.epoch FROM transactions AS t"
        " LEFT JOIN decisions AS d ON d.seq = t.seq AND d.n = 1 WHERE {any}",
        "t.seq",
        [seq for seq, _ in seen],
    ):
        decision = decision_of(decided) if decided[0] is not None else None
        answers[seq] = Accepted(
            transaction_id=id_text(seq),
            correlation_id=correlation_id,
            decision=decision,
            state=resting_state(canonical=bool(canonical), deliver=bool(deliver), decision=decision),
            replayed=True,
        )
    return answers


def decision_of(row: Sequence[object]) -> Decision:
    """A decision from rule, version, authority, shadow, hold, why and epoch."""
    rule, version, authority, shadow, hold, why, epoch = row
    return Decision(
        rule=str(rule),
        table_version=int(version),  # type: ignore[call-overload]  # a database integer
        authority=None if authority is None else SystemId(str(authority)),
        shadow=None if shadow is None else SystemId(str(shadow)),
        hold=bool(hold),
        why=str(why),
        epoch=int(epoch),  # type: ignore[call-overload]  # a database integer
    )


def _differ(old: Seen, prepared: Prepared) -> bool:
    return old[1] != prepared.fingerprint


def _answer(old: Seen, prepared: Prepared, what: str, answers: dict[int, Accepted]) -> Acceptance:
    seq, fingerprint = old
    if fingerprint == prepared.fingerprint:
        return answers[seq]
    return Conflict(what=what, first=id_text(seq))


def _route(tx: Transaction, fresh: Sequence[Fresh], decide: Decide | None) -> None:
    asked: list[tuple[Document, str]] = []
    routed: list[Fresh] = []
    for one in fresh:
        submission = one.prepared.submission
        if submission.document is not None and submission.deliver:
            asked.append((submission.document, submission.verb))
            routed.append(one)
    for one, (document, verb), decision in zip(
        routed, asked, decide_all(tx, asked, decide) if asked else [], strict=True
    ):
        one.decision = decision
        one.jobs = jobs_of(decision, document, verb, one.prepared.ordering_key)
    for one in fresh:
        submission = one.prepared.submission
        one.state = resting_state(
            canonical=submission.document is not None, deliver=submission.deliver, decision=one.decision
        )
        # Feedback and the like come after the ERP jobs; a parked or held document still gives its own.
        one.jobs.extend(submission.jobs)


def lane_rows(tx: Transaction, planned: Plan) -> list[lanes.LaneRow]:
    """The lanes a plan adds to; the numbers only break ties between lanes due at once."""
    newest = tx.dialect.peek(tx, "transactions", "seq")
    return [
        (
            job.target,
            job.lane,
            one.prepared.legal_entity,
            job.role,
            newest + place,
            one.prepared.business_unit,
            job.kind,
        )
        for place, one in enumerate(planned.fresh, 1)
        for job in one.jobs
    ]


_VALUES = {state: state.value for state in State}


class _Rows:
    """What a group writes, table by table."""

    def __init__(self, now: str) -> None:
        self.transactions: list[Row] = []
        self.decisions: list[Row] = []
        self.jobs: list[Row] = []
        self.notes: list[Row] = []
        self.known: list[Row] = []
        self.day = date.fromisoformat(now[:10])
        """The day (UTC) of the acceptance: what a vendor's mapping is chosen by."""
        self._details: dict[tuple[object, ...], str] = {}

    def detail(self, one: Fresh) -> str:
        """What the history says of an acceptance; in a group most say the same."""
        entity, code, decision = one.prepared.legal_entity, one.prepared.submission.problem_code, one.decision
        decided = () if decision is None else (decision.epoch, decision.table_version)
        found = self._details.get((entity, one.state, code, decided))
        if found is None:
            told: dict[str, object] = {"legal_entity": entity, "state": one.state.value}
            if decision is not None:
                told |= {"epoch": decision.epoch, "table_version": decision.table_version}
            if code:
                told["code"] = code
            found = self._details[(entity, one.state, code, decided)] = as_json(told)
        return found


def write(tx: Transaction, planned: Plan) -> list[Acceptance]:
    """Write what is new, lanes being locked; the answers in the order of the submissions.

    Numbers are drawn after the lanes were locked, so within a lane they follow the order of commit.
    """
    if planned.fresh:
        rows = _Rows(tx.now)
        seqs = tx.dialect.draw(tx, "transactions", "seq", len(planned.fresh))
        for one, seq in zip(planned.fresh, seqs, strict=True):
            _write_one(tx, one, seq, planned, rows)
        tx.insert("transactions", _COLUMNS, rows.transactions)
        tx.insert("decisions", DECISION_COLUMNS, rows.decisions)
        tx.insert("jobs", JOB_COLUMNS, rows.jobs)
        tx.insert("history", "seq,at,what,detail", rows.notes)
        put_names(tx, rows.known)
    for at, first, differs in planned.repeats:
        answer = planned.answers[first]
        if not isinstance(answer, Accepted):
            planned.answers[at] = answer
            continue
        if differs:
            planned.answers[at] = Conflict(what=differs, first=answer.transaction_id)
        else:
            planned.answers[at] = Accepted(
                transaction_id=answer.transaction_id,
                correlation_id=answer.correlation_id,
                decision=answer.decision,
                state=answer.state,
                replayed=True,
            )
    return [answer for answer in planned.answers if answer is not None]


def _write_one(tx: Transaction, one: Fresh, seq: int, planned: Plan, into: _Rows) -> None:
    prepared = one.prepared
    submission, document, decision = prepared.submission, prepared.submission.document, one.decision
    transaction_id, state = id_text(seq), one.state
    correlation_id = submission.correlation_id or transaction_id
    routed = decision is not None and state is State.QUEUED
    authority = decision.authority if decision is not None and routed else _maker(prepared)
    for n, job in enumerate(one.jobs):
        into.jobs.append(job_row(tx, seq, n, job, prepared.legal_entity, prepared.business_unit))
        tx.pokes[job.target] = None
    into.transactions.append(
        (
            seq,
            submission.client,
            submission.idempotency_key,
            prepared.fingerprint,
            submission.kind,
            document.document_id if document else None,
            int(prepared.transactional),
            submission.source,
            submission.event_id,
            submission.verb,
            submission.received,
            prepared.canonical,
            cleaned(submission.problem, MOST_WHY) if submission.problem else "",
            correlation_id,
            prepared.legal_entity,
            document.accounting_date.isoformat() if document else "",
            prepared.ordering_key,
            prepared.currency,
            prepared.amount_minor,
            int(submission.deliver),
            _VALUES[state],
            seq * JOBS_PER_TRANSACTION if routed else None,
            authority,
            tx.now,
            document.version if document else 1,
            submission.problem_code,
            prepared.business_unit,
        )
    )
    if decision is not None:
        into.decisions.append(decision_row(tx, seq, 1, decision))
    into.notes.append((seq, tx.now, "accepted", into.detail(one)))
    if submission.notes:
        into.notes.extend((seq, tx.now, what, as_json(dict(said))) for what, said in submission.notes)
    if document is not None:
        tx.remember[seq] = (document, correlation_id, into.day)
        for system, vendor_id in submission.crosswalk:
            into.known.append((system, document.kind, document.document_id, vendor_id, tx.now))
    if one.at >= 0:  # what a split left over is nobody's submission
        planned.answers[one.at] = Accepted(
            transaction_id=transaction_id, correlation_id=correlation_id, decision=decision, state=state
        )


def _maker(prepared: Prepared) -> SystemId | None:
    """The system a fact came from: what its payments and credit memos will follow."""
    submission = prepared.submission
    if submission.deliver:
        return None
    if prepared.made_by is not None:
        return prepared.made_by
    return submission.crosswalk[0][0] if submission.crosswalk else None
