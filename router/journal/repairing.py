"""Repairs in the journal: a delivery to one system sent again, and which documents are corrections of one ERP.

A correction of one ERP is a fact with one job (`NewJob`, role shadow): routing is not asked, for it must
not reach the other ERP. The firm's own questions (what is unbilled, what is open) leave it out: for
them the document it corrects was right all along.
"""

from __future__ import annotations

from typing import Any, Literal

from router.canonical.documents import Document
from router.errors import InProgress, NotFound
from router.journal import lanes
from router.journal.decisions import lane_of
from router.journal.engine import Row, Transaction
from router.journal.port import NewJob
from router.journal.routing import JOB_COLUMNS, job_row, next_job_numbers
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import as_json, document_of, from_json, number
from router.model import Event, LaneKey, State, SystemId, after

CLIENT = "coexist repair"
"""Whose submissions corrections of one ERP are; no caller can have this name, for it has a blank."""
NOT_REPAIRS = f"t.client <> '{CLIENT}'"
"""SQL: documents of the firm, not corrections of one ERP."""
NOTE = "repair"
"""The line of the history that says what a repair did, by whom and who approved."""
Again = Literal["sent", "done before"]
_UNDER_WAY = ("queued", "in_flight", "in_doubt")


def send_again(
    tx: Transaction, transaction_id: str, *, target: SystemId, proposal: str, said: dict[str, str]
) -> Again:
    """Deliver a transaction's document to one system (again); a proposal does it once.

    What was refused or died goes back to its place; what the system had and has no more, and what was never
    sent there, gets a new shadow job. Raises NotFound, and InProgress while a delivery is under way.
    """
    seq = number(transaction_id)
    rows = tx.rows(
        "SELECT canonical, schema_version, legal_entity, business_unit, kind FROM transactions WHERE seq = ? AND canonical IS NOT NULL",
        (seq,),
    )
    if seq is None or not rows:
        raise NotFound(f"there is no transaction {transaction_id[:40]} with a document")
    canonical, version, entity, unit, kind = rows[0]
    if tx.rows(
        "SELECT 1 FROM history WHERE seq = ? AND what = ? AND detail LIKE ?",
        (seq, NOTE, f'%"proposal":"{proposal}"%'),
    ):
        return "done before"
    jobs = tx.rows(
        "SELECT job_id, lane, role, state, doubtful FROM jobs WHERE job_id >= ? AND job_id < ? AND target = ?"
        " AND role <> 'feedback' ORDER BY job_id",
        (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION, target),
    )
    if any(row[3] in _UNDER_WAY for row in jobs):
        raise InProgress(
            f"{transaction_id} is on its way to {target} already", mend="wait until it is settled"
        )
    failed = [row for row in jobs if row[3] in ("refused", "dead")]
    if failed and failed[-1] is jobs[-1]:
        _revive(tx, failed[-1], (target, entity, unit, kind), seq)
    else:
        _anew(tx, seq, document_of(canonical, version), target)
    tx.pokes[target] = None
    tx.insert(
        "history",
        "seq,at,what,detail",
        [(seq, tx.now, NOTE, as_json({"proposal": proposal, "target": target, **said}))],
    )
    return "sent"


def corrections(tx: Transaction) -> list[dict[str, Any]]:
    """What was noted of every correction of one ERP that was accepted, oldest first."""
    rows = tx.rows(
        "SELECT h.detail FROM transactions AS t JOIN history AS h ON h.seq = t.seq WHERE t.client = ? AND h.what = ?"
        " ORDER BY h.history_id",
        (CLIENT, NOTE),
    )
    return [from_json(detail) for (detail,) in rows]


def _revive(tx: Transaction, job: Row, place: tuple[str, str, str, str], seq: int) -> None:
    job_id, lane, role, state, doubtful = job
    target, entity, unit, kind = place
    lanes.touch(tx, [(target, lane, entity, role, seq, unit, kind)])
    then = after(State(state), Event.REPLAYED)
    if doubtful:
        then = after(after(then, Event.CLAIMED), Event.LEASE_LOST)  # it is looked up before it is sent
    tx.run(
        "UPDATE jobs SET state = ?, due = ?, waiting_since = ?, attempts = 0, settled_at = NULL, doubtful = 0"
        " WHERE job_id = ?",
        (then.value, tx.now, tx.now, job_id),
    )


def _anew(tx: Transaction, seq: int, document: Document, target: SystemId) -> None:
    job = NewJob(
        target=target,
        role="shadow",
        operation="create",
        external_id=document.document_id,
        lane=LaneKey(lane_of("shadow", document.ordering_key)),
        kind=document.kind,
    )
    lanes.touch(tx, [lanes.row_of(job, document, seq)])
    tx.insert(
        "jobs",
        JOB_COLUMNS,
        [
            job_row(
                tx, seq, next_job_numbers(tx, [seq])[seq], job, document.legal_entity, document.business_unit
            )
        ],
    )
