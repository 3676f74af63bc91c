"""Documents that were held or refused while their period closed: dated into the first open one on their way.

They were accepted in time, so no late policy refuses them; delivered as they were, they would change a
period that is closed, or twice be revenue where they were accrued.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from router.canonical import Document
from router.journal import fence
from router.journal.engine import Transaction
from router.journal.periods import States, not_open
from router.journal.prepared import canonical_of
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import as_json, from_json

REDATED = ("held", "replayed")
"""What the history says a document was doing that is dated anew."""
Moved = Callable[[Document, States], Document | None]
"""Pure: a document dated into the first period that takes it; None where it may stay."""


def moved_on(
    tx: Transaction, resting: Sequence[tuple[int, str, Document]], moved: Moved | None
) -> dict[int, Document]:
    """By transaction number, the documents that can't enter their period any more, with their new date."""
    if moved is None or not resting:
        return {}
    entities = [document.legal_entity for _, _, document in resting]
    fence.enter(tx, entities)
    states = not_open(tx, entities)
    if not states:
        return {}
    found = {seq: moved(document, states) for seq, _, document in resting}
    return {seq: document for seq, document in found.items() if document is not None}


def keep(
    tx: Transaction, dated: Mapping[int, Document], before: Mapping[int, Document], *, state: str
) -> None:
    """Write the new dates of documents that are let go, and say so in their history."""
    if not dated:
        return
    rows = [(canonical_of(one).decode(), one.accounting_date.isoformat(), seq) for seq, one in dated.items()]
    tx.many("UPDATE transactions SET canonical = ?, accounting_date = ? WHERE seq = ?", rows)
    notes = []
    for seq, document in dated.items():
        detail = {
            "legal_entity": document.legal_entity,
            "kind": document.kind,
            "document_id": document.document_id,
            "from": before[seq].accounting_date.isoformat(),
            "to": document.accounting_date.isoformat(),
            "state": state,
        }
        notes.append((seq, tx.now, "late", as_json(detail)))
    tx.insert("history", "seq,at,what,detail", notes)
    for seq, correlation_id in tx.among(
        "SELECT seq, correlation_id FROM transactions WHERE {any}", "seq", list(dated)
    ):
        tx.remember[seq] = (dated[seq], correlation_id, None)


def mark(tx: Transaction, seqs: Iterable[int]) -> None:
    """Have every worker read the documents of some transactions anew: another process may remember the ones before."""
    for seq in seqs:
        for job_id, facts in tx.rows(
            "SELECT job_id, facts FROM jobs WHERE job_id >= ? AND job_id < ? AND role <> 'feedback'",
            (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION),
        ):
            marked = as_json((from_json(facts) or {}) | {"corrected": True})
            tx.run("UPDATE jobs SET facts = ? WHERE job_id = ?", (marked, job_id))
