"""What waits for a person, as facts, and what people did about it: cases and corrections.

An exception is read from the tables that hold its fact; only what people say of it (owner, note,
resolved) has a row of its own, under the exception's id. A correction takes a document's place where
nothing was posted: the payload as received stays, and the history keeps the document as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.canonical import Document
from router.errors import BadInput, NotFound, Refused
from router.journal import acceptance, rerouting
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.fence import note
from router.journal.port import Decide, Submission
from router.journal.prepared import Prepared, prepare
from router.journal.registers import read
from router.journal.routing import decide_all
from router.journal.schema import JOBS_PER_TRANSACTION, RESTING
from router.journal.words import MOST_WHY, as_json, checked, cleaned, document_of, from_json, id_text, number
from router.model import Decision, State

RECEIVED_SHOWN = 4_000
"""Bytes of a payload that are read to tell which project a parked row is about."""


class Cases(JournalCore):
    """Exceptions as facts, cases, and corrections; rows are dicts with times as RFC 3339 text."""

    async def failures(self, *, most: int) -> list[dict[str, Any]]:
        """Parked transactions and deliveries refused or given up, oldest first, at most so many."""
        return await self._read(_failures, most)

    async def open_conflicts(self, *, most: int) -> list[dict[str, Any]]:
        """Recorded conflicts of ownership, oldest first."""
        return await self._read(_conflicts, most)

    async def unexplained(self, *, most: int) -> list[dict[str, Any]]:
        """Stored differences that nothing explains, and intercompany mismatches, oldest first."""
        return await self._read(_unexplained, most)

    async def cases(self) -> dict[str, dict[str, Any]]:
        """What people said last of each exception anybody touched, by the exception's id."""
        return await self._read(_cases)

    async def case_history(self, exception_id: str) -> list[dict[str, Any]]:
        """Everything people did about one exception that belongs to no transaction, oldest first."""
        return await self._read(_case_history, exception_id)

    async def put_case(
        self, exception_id: str, *, state: str, owner: str, note: str, by: str, transaction_id: str | None
    ) -> None:
        """Record what somebody says of an exception, in its case and in the history."""
        await self._do(_put_case, exception_id, state, owner, note, by, transaction_id)

    async def restate(self, transaction_id: str, problem: str, code: str) -> None:
        """Say why a parked transaction can't be completed now; the history keeps that it was tried."""
        await self._do(_restate, transaction_id, problem, code)

    async def would_route(self, asked: Sequence[tuple[Document, str]]) -> list[Decision]:
        """Where these documents would go if they were decided now, lineage and pins included."""
        return await self._read(_would_route, asked, self._decide)

    async def correct(
        self,
        transaction_id: str,
        submission: Submission,
        *,
        by: str,
        why: str,
        begun: Sequence[Submission] = (),
    ) -> int:
        """Put a corrected document in the place of one that was never posted, and send it.

        `begun`: what is accepted along with it, where it was parked without a document.

        1 when it goes on, 0 when it stays parked. Raises NotFound, and Refused when something was
        posted, may have been, or the document is another one.
        """
        said = {"by": by, "why": why}
        along = [prepare(one) for one in begun]
        return await self._do(_correct, transaction_id, prepare(submission), along, self._decide, said)


_FAILURE = (
    "exception_id", "transaction_id", "kind", "document_id", "legal_entity", "state", "problem", "problem_code",
    "accepted_at", "since", "currency", "amount_minor", "accounting_date", "project_id", "target", "role",
    "operation", "code", "why", "canonical", "received",
)  # fmt: skip


def _failures(tx: Transaction, most: int) -> list[dict[str, Any]]:
    header = "t.seq, t.kind, t.document_id, t.legal_entity"
    money = "t.currency, t.amount_minor, t.accounting_date, t.ordering_key"
    found = []
    # Both queries go through the partial indexes of resting transactions and failed jobs.
    for seq, kind, document_id, entity, problem, code, at, *rest, known, received in tx.rows(
        f"SELECT {header}, t.problem, t.problem_code, t.accepted_at, {money}, coalesce((SELECT d.why FROM"
        " decisions AS d WHERE d.seq = t.seq ORDER BY d.n DESC LIMIT 1), ''), t.canonical IS NOT NULL,"
        " CASE WHEN t.canonical IS NULL THEN t.received ELSE NULL END"
        f" FROM transactions AS t WHERE t.{RESTING} AND t.state = 'parked' AND t.job_id IS NULL ORDER BY t.seq LIMIT ?",
        (most,),
    ):
        name = id_text(seq)
        shown = "" if received is None else bytes(received)[:RECEIVED_SHOWN].decode("utf-8", "replace")
        row = (
            name, name, kind, document_id, entity, "parked", problem, code, at, at, *rest[:4], "", "", "",
            "", rest[4] if known else "", bool(known), shown,
        )  # fmt: skip
        found.append(dict(zip(_FAILURE, row, strict=True)))
    for job_id, role, state, target, operation, code, why, settled_at, kind, decides, *rest in tx.rows(
        "SELECT j.job_id, j.role, j.state, j.target, j.operation, j.code, j.why, j.settled_at, j.kind,"
        f" t.job_id = j.job_id, {header}, t.problem, t.accepted_at, {money}, j.external_id FROM jobs AS j"
        f" JOIN transactions AS t ON t.seq = j.job_id / {JOBS_PER_TRANSACTION}"
        " WHERE j.state IN ('refused','dead') AND (j.role <> 'authority' OR t.job_id = j.job_id)"
        " ORDER BY j.job_id LIMIT ?",
        (most,),
    ):
        seq, own_kind, document_id, entity, problem, at, *money_of, external_id = rest
        name = id_text(seq)
        row = (
            name if decides else f"J{job_id:015d}", name, own_kind if decides else kind,
            document_id if decides else external_id, entity, state, problem, "", at, settled_at or at,
            *money_of, target, role, operation, code, why, True, "",
        )  # fmt: skip
        found.append(dict(zip(_FAILURE, row, strict=True)))
    return sorted(found, key=lambda row: (row["accepted_at"], row["exception_id"]))[:most]


def _conflicts(tx: Transaction, most: int) -> list[dict[str, Any]]:
    names = (
        "conflict_id", "at", "kind", "document_id", "legal_entity", "attribute", "sender", "owner", "kept", "offered",
        "event_id",
    )  # fmt: skip
    rows = tx.rows(
        f"SELECT {', '.join(names)} FROM conflicts WHERE rule = 'record' ORDER BY conflict_id LIMIT ?",
        (most,),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def _unexplained(tx: Transaction, most: int) -> list[dict[str, Any]]:
    # What was fixed, or is accepted for now, waits for nobody; an acceptance ends by itself.
    rows = tx.rows(
        "SELECT run_id, CASE WHEN state = 'accepted' THEN accepted_until ELSE opened_at END, first_seen, data"
        " FROM break_states WHERE (state IN ('new','recurring','reopened') OR (state = 'accepted'"
        " AND accepted_until < ?)) AND (cause = 'unexplained' OR what = 'intercompany'"
        " OR code = 'intercompany-mismatch') ORDER BY first_seen, identity LIMIT ?",
        (tx.now[:10], most),
    )
    return [
        # The night after its last day an acceptance is over.
        {**from_json(data), "run_id": run, "at": first, "since": f"{at}T23:59:59Z" if len(at) == 10 else at}
        for run, at, first, data in rows
    ]


def _cases(tx: Transaction) -> dict[str, dict[str, Any]]:
    names = ("state", "owner", "note", "by", "at")
    return {
        case_id: dict(zip(names, row, strict=True))
        for case_id, *row in tx.rows("SELECT case_id, state, owner, note, actor, at FROM cases")
    }


def _case_history(tx: Transaction, exception_id: str) -> list[dict[str, Any]]:
    return [
        {"at": at, "what": what, "detail": from_json(detail)}
        for at, what, detail in tx.rows(
            "SELECT at, what, detail FROM history WHERE what LIKE ? AND detail LIKE ? ORDER BY history_id",
            ("exception %", f'%"exception":"{exception_id}"%'),
        )
    ]


def _put_case(
    tx: Transaction, case_id: str, state: str, owner: str, said: str, by: str, transaction_id: str | None
) -> None:
    by, said = checked(by, "by"), cleaned(said, MOST_WHY)
    tx.insert(
        "cases",
        "case_id,state,owner,note,actor,at",
        [(checked(case_id, "id"), state, checked(owner, "owner", empty=True), said, by, tx.now)],
        "ON CONFLICT (case_id) DO UPDATE SET state = excluded.state, owner = excluded.owner,"
        " note = excluded.note, actor = excluded.actor, at = excluded.at",
    )
    seq = None if transaction_id is None else number(transaction_id)
    detail: dict[str, object] = {
        "exception": case_id, "state": state, "owner": owner, "note": said, "by": by,
    }  # fmt: skip
    note(tx, seq, f"exception {state}", detail)


def _restate(tx: Transaction, transaction_id: str, problem: str, code: str) -> None:
    problem = cleaned(problem, MOST_WHY)
    done = tx.run(
        "UPDATE transactions SET problem = ?, problem_code = ? WHERE seq = ? AND state = 'parked'"
        " AND canonical IS NULL",
        (problem, code, number(transaction_id)),
    )
    if done:
        detail: dict[str, object] = {"problem": problem, "code": code}
        note(tx, number(transaction_id), "still parked", detail)


def _would_route(
    tx: Transaction, asked: Sequence[tuple[Document, str]], decide: Decide | None
) -> list[Decision]:
    # One at a time: nothing is accepted here, so none of them is lineage for the next.
    return [decide_all(tx, [one], decide)[0] for one in asked]


def _correct(
    tx: Transaction,
    transaction_id: str,
    given: Prepared,
    along: Sequence[Prepared],
    decide: Decide | None,
    said: Mapping[str, str],
) -> int:
    seq = number(transaction_id)
    _lock(tx, seq)
    rows = tx.rows(
        "SELECT t.kind, t.document_id, t.canonical, t.schema_version, t.state, t.job_id, j.state, j.doubtful"
        " FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE t.seq = ?",
        (seq,),
    )
    if seq is None or not rows:
        raise NotFound(f"there is no transaction {transaction_id[:40]}")
    kind, document_id, canonical, version, resting, job_id, job_state, doubtful = rows[0]
    document = given.submission.document
    assert document is not None
    _check_free(tx, seq, resting if job_id is None else job_state, doubtful)
    if document.kind != kind:
        raise BadInput(f"kind: {document.kind} can't take the place of a {kind}", mend=f"send a {kind}")
    before = None if canonical is None else from_json(canonical)
    if canonical is None:
        # `complete` keeps what a document draws on and leaves it parked where a version does not follow.
        known = given.once and tx.rows(
            "SELECT seq FROM transactions WHERE kind = ? AND transactional = 1 AND document_id = ?",
            given.once,
        )
        if known:
            raise Refused(
                f"{kind} {document.document_id} was accepted before, as {id_text(known[0][0])}",
                mend="give the corrected document an id of its own",
            )
        facts, over = rerouting.complete(tx, {transaction_id: given}, said)
        _note_corrected(tx, seq, before, said)
        if along or over:
            acceptance.accept(tx, [*along, *over], decide)
        return facts + rerouting.replay(tx, [transaction_id], decide, route="again", **said)
    _replace(tx, seq, document_of(canonical, version), given, document_id)
    _note_corrected(tx, seq, before, said)
    return rerouting.replay(tx, [transaction_id], decide, route="again", **said)


def _lock(tx: Transaction, seq: int | None) -> None:
    """Keep a replay of the same transaction out until this is committed."""
    if tx.dialect.lock_rows and seq is not None:
        span = (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION)
        tx.rows("SELECT seq FROM transactions WHERE seq = ?" + tx.dialect.lock_rows, (seq,))
        tx.rows("SELECT job_id FROM jobs WHERE job_id >= ? AND job_id < ?" + tx.dialect.lock_rows, span)


def _check_free(tx: Transaction, seq: int, state: str, doubtful: int | None) -> None:
    """Raises Refused unless nothing of the transaction was posted, or may have been."""
    span = (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION)
    sent = tx.rows(
        "SELECT target, state FROM jobs WHERE job_id >= ? AND job_id < ? AND role <> 'feedback'"
        " AND (state IN ('posted','in_flight','in_doubt') OR (state = 'dead' AND doubtful = 1))"
        " ORDER BY job_id",
        span,
    )
    if sent:
        target, stands = sent[0]
        raise Refused(
            f"{target} has it, or may have it ({stands.replace('_', ' ')}): it can't be corrected here",
            mend=f"correct it in {target}, or reverse it there",
        )
    if state not in {State.PARKED.value, State.REFUSED.value, State.DEAD.value} or doubtful:
        raise Refused(f"it is {state.replace('_', ' ')}: only what waits for a person can be corrected")


def _replace(tx: Transaction, seq: int, old: Document, given: Prepared, document_id: str) -> None:
    document = given.submission.document
    assert document is not None
    if document.document_id != document_id:
        raise BadInput(
            f"document_id: {document.document_id} can't take the place of {document_id}",
            mend=f"keep {document_id}: other systems know it by that",
        )
    _check_counted(tx, old, given)
    tx.run(
        "UPDATE transactions SET canonical = ?, legal_entity = ?, business_unit = ?, accounting_date = ?, ordering_key = ?,"
        " currency = ?, amount_minor = ?, schema_version = ? WHERE seq = ?",
        (
            given.canonical, given.legal_entity, given.business_unit, document.accounting_date.isoformat(), given.ordering_key,
            given.currency, given.amount_minor, document.version, seq,
        ),
    )  # fmt: skip
    # The job stays in its lane, also where the project is another now: its attempts are numbered by that
    # lane's tokens, and what it depends on is asked for by reference, not by lane. The mark makes every
    # worker read the document anew: another process may remember the one before.
    span = (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION)
    for job_id, facts in tx.rows(
        "SELECT job_id, facts FROM jobs WHERE job_id >= ? AND job_id < ? AND role <> 'feedback'", span
    ):
        marked = as_json((from_json(facts) or {}) | {"corrected": True})
        tx.run(
            "UPDATE jobs SET facts = ?, legal_entity = ?, business_unit = ? WHERE job_id = ?",
            (marked, given.legal_entity, given.business_unit, job_id),
        )
    correlation = tx.rows("SELECT correlation_id FROM transactions WHERE seq = ?", (seq,))[0][0]
    tx.remember[seq] = (document, correlation, None)


def _check_counted(tx: Transaction, old: Document, given: Prepared) -> None:
    """Raises Refused where what the acceptance counted (a cap, a version) would not be true any more."""
    draw, advance = given.submission.draw, given.submission.advance
    document = given.submission.document
    assert document is not None
    # The version it moved on when it was accepted: still the one that stands, and its own.
    stands = read(tx, [advance.register]).get(advance.register, advance.first) if advance is not None else 0
    if advance is not None and not advance.anew and stands != advance.to:
        raise Refused(
            f"version {stands} stands, so version {advance.to} can't be corrected any more",
            mend=f"send the change as version {stands + 1}",
        )
    if draw is not None and document.money != old.money:
        raise Refused(
            "its amount was counted against a cap when it was accepted",
            mend="keep the amount; correct it by an adjusting document once it is posted",
        )


def _note_corrected(tx: Transaction, seq: int, before: Any, said: Mapping[str, str]) -> None:
    detail = {**said, "before": before}
    tx.insert("history", "seq,at,what,detail", [(seq, tx.now, "corrected", as_json(detail))])
