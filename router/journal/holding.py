"""Work that waits behind a closed gate goes back among what is held, when a wave turns back before its release.

Between a switch and its release the new ERP takes nothing: what was accepted then is queued behind its gate, and
what the freeze held is older. Were the younger let through to the new ERP, and brought home from there, it would
stand in the old ERP before the older, which is let go last. Held again, both are let go together, in their order.
"""

from __future__ import annotations

from router.journal import fence, lanes
from router.journal.decisions import is_closed
from router.journal.engine import Transaction
from router.journal.port import Decide
from router.journal.rerouting import record_decisions
from router.journal.routing import decide_all
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.scopes import Scoped, in_scope, scope_of
from router.journal.words import as_json, document_of
from router.model import State, SystemId

NOTE = "held again"


def hold_again(
    tx: Transaction, asked: Scoped, target: SystemId, decide: Decide | None, *, by: str, why: str
) -> int:
    """Take what a gate keeps from `target`, and nobody ever tried, out of its lanes; how many are held by it.

    Only what the table in force holds (freeze first), and what has a delivery to no other ERP: a copy that may stand
    elsewhere is the rollback's business. Done again it finds nothing more to do.
    """
    fence.enter(tx, scope_of(asked).entities)
    tx.dialect.lock(tx, [f"gate:{target}"], shared=False)
    closed = lanes.closed_cells(tx, target)
    if not closed:
        return 0
    condition, values = in_scope(tx, asked, "j")
    rows = tx.rows(
        "SELECT t.seq, t.verb, t.canonical, t.schema_version, j.job_id, j.lane, j.legal_entity, j.business_unit, j.kind"
        " FROM jobs AS j JOIN transactions AS t ON t.job_id = j.job_id"
        f" WHERE j.target = ? AND j.state = 'queued' AND j.role = 'authority' AND {condition}"
        " AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.job_id = j.job_id)"
        f" AND NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.job_id >= t.seq * {JOBS_PER_TRANSACTION}"
        f" AND o.job_id < (t.seq + 1) * {JOBS_PER_TRANSACTION} AND o.role <> 'feedback' AND o.job_id <> j.job_id)"
        " ORDER BY t.seq",
        (target, *values),
    )
    behind = [row for row in rows if is_closed(closed, row[6], row[7], row[8])]
    # Their own authority is no lineage for one another: what is held has none.
    tx.many("UPDATE transactions SET authority = NULL WHERE seq = ?", [(row[0],) for row in behind])
    decided = decide_all(tx, [(document_of(row[2], row[3]), row[1]) for row in behind], decide)
    held = [(row, one) for row, one in zip(behind, decided, strict=True) if one.hold]
    kept = [row for row, one in zip(behind, decided, strict=True) if not one.hold]
    tx.many("UPDATE transactions SET authority = ? WHERE seq = ?", [(target, row[0]) for row in kept])
    tx.many(
        "UPDATE transactions SET state = ?, job_id = NULL WHERE seq = ?",
        [(State.HELD.value, row[0]) for row, _ in held],
    )
    tx.many("DELETE FROM jobs WHERE job_id = ?", [(row[4],) for row, _ in held])
    record_decisions(tx, [row[0] for row, _ in held], [one for _, one in held])
    notes = []
    for row, one in held:
        detail = {"by": by, "why": why, "from": target, "legal_entity": row[6], "epoch": one.epoch}
        notes.append((row[0], tx.now, NOTE, as_json(detail)))
    tx.insert("history", "seq,at,what,detail", notes)
    lanes.refresh(tx, target, sorted({row[5] for row, _ in held}))
    return len(held)
