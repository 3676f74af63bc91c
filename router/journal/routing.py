"""Asks routing under the fence: epoch, lineage and pins in, decisions and job rows out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from router.canonical import KINDS, Document
from router.errors import BadConfig
from router.journal import fence
from router.journal.decisions import lane_of, lineage_of, operation_of, pin_of
from router.journal.engine import Row, Transaction
from router.journal.port import Decide, Learns, NewJob, Pin
from router.journal.schema import JOBS_PER_TRANSACTION
from router.journal.words import MOST_WHY, cleaned, facts_text
from router.model import Decision, LaneKey, Role, SystemId

JOB_COLUMNS = (
    "job_id,target,lane,role,operation,kind,external_id,legal_entity,commutes,state,attempts,due,"
    "waiting_since,code,why,doubtful,facts,business_unit"
)
WORK = ("time_entry", "expense_item")
"""What an ERP bills from its own rows, whoever sent them there."""
_NO_FACTS: Mapping[str, object] = MappingProxyType({})
DECISION_COLUMNS = "seq,n,at,rule,table_version,authority,shadow,hold,why,epoch"


def decide_all(
    tx: Transaction, asked: Sequence[tuple[Document, str]], decide: Decide | None
) -> list[Decision]:
    """A decision for each (document, verb), in order, with the fence held to the end of the transaction.

    What no table covers, or whose rule raised, is unroutable: parked, never guessed (D7).
    """
    epochs = fence.enter(tx, (document.legal_entity for document, _ in asked))
    _learn(tx, decide, {version: None for _, version in epochs.values() if version is not None})
    placed, alone, copied = _lineage(tx, asked)
    pins = read_pins(tx)
    stamped: dict[tuple[int, int], tuple[Decision, Decision]] = {}
    decisions = []
    for document, verb in asked:
        epoch, version = epochs[document.legal_entity]
        refers = lineage_of(document, verb)
        decision = _decide(
            decide, document, version, placed.get(refers) if refers else None, pin_of(document, pins)
        )
        if refers in alone and decision.rule == "lineage" and decision.shadow is not None:
            # Its invoice was posted before the dual run: the shadow would wait for it in vain.
            why = decision.why.replace(f"; shadow {decision.shadow}", f" alone, so not to {decision.shadow}")
            decision = replace(decision, shadow=None, why=why)
        elif document.kind in WORK and refers in copied:
            decision = _also_to_its_copy(decision, copied[refers], decide, document, version)
        if decision.epoch != epoch:
            decision = _stamped(stamped, decision, epoch)
        if decision.authority is not None and not decision.hold:
            placed[(document.kind, document.document_id)] = decision.authority
        decisions.append(decision)
    return decisions


def _stamped(
    known: dict[tuple[int, int], tuple[Decision, Decision]], decision: Decision, epoch: int
) -> Decision:
    """A decision with its epoch. Routing gives one object for many documents, so it is copied once a group."""
    found = known.get((id(decision), epoch))
    if found is None:  # the original is kept beside, for its id to stay its own
        found = known[(id(decision), epoch)] = (decision, replace(decision, epoch=epoch))
    return found[1]


def _also_to_its_copy(
    decision: Decision, copy: SystemId, decide: Decide | None, document: Document, version: int | None
) -> Decision:
    """A correction of work that stayed behind also goes where its copy is, if that ERP now has the entity.

    The new ERP bills what the old days left unbilled, from its copies: uncorrected, it would bill what was taken
    back. Payments and credit memos don't: their invoice is the old ERP's for good.
    """
    if decision.rule != "lineage" or decision.shadow is not None or copy == decision.authority:
        return decision
    if _decide(decide, document, version, None, None).authority != copy:
        return decision
    return replace(decision, shadow=copy, why=f"{decision.why}; shadow {copy}, which bills its copy")


def _learn(tx: Transaction, decide: Decide | None, versions: Iterable[int]) -> None:
    """Give routing the tables these epochs follow where another process published them.

    Read under the fence, after the epoch: a switch only names a table that is in the journal, so the text is
    there. What can't be read here (another landscape) leaves the documents parked with the reason, not guessed.
    """
    if not isinstance(decide, Learns):
        return
    for version in versions:
        if not decide.knows(version):
            for (text,) in tx.rows("SELECT body FROM route_tables WHERE version = ?", (version,)):
                # Each document then says that this process has no such table.
                with suppress(BadConfig):
                    decide.learn(text, version=version)


def _decide(
    decide: Decide | None, document: Document, version: int | None, lineage: SystemId | None, pin: Pin | None
) -> Decision:
    if decide is None or version is None:
        return _unroutable(
            version, "no route table is published" if version is None else "no routing is set up"
        )
    try:
        return decide(document, table_version=version, lineage=lineage, pin=pin)
    except Exception as error:  # noqa: BLE001 a user's rule may raise anything; the document must not be lost
        return _unroutable(version, f"routing failed: {type(error).__name__}: {error}")


def _unroutable(version: int | None, why: str) -> Decision:
    return Decision(rule="unroutable", table_version=version or 0, authority=None, why=cleaned(why, MOST_WHY))


def _lineage(
    tx: Transaction, asked: Iterable[tuple[Document, str]]
) -> tuple[dict[tuple[str, str], SystemId], set[tuple[str, str]], dict[tuple[str, str], SystemId]]:
    """Where the documents referred to live: the ERP they were routed to, or the one that made them.

    And which of them were sent there alone, neither with a shadow nor carried over to one since; and where the
    others have their copy.
    """
    wanted: dict[str, dict[str, None]] = {}
    for document, verb in asked:
        refers = lineage_of(document, verb)
        if refers:
            wanted.setdefault(refers[0], {})[refers[1]] = None
    placed: dict[tuple[str, str], SystemId] = {}
    alone: set[tuple[str, str]] = set()
    copied: dict[tuple[str, str], SystemId] = {}
    for kind, ids in wanted.items():
        for document_id, authority, deliver, shadow in tx.among(
            "SELECT document_id, authority, deliver, coalesce((SELECT d.shadow FROM decisions AS d"
            " WHERE d.seq = transactions.seq ORDER BY d.n DESC LIMIT 1), (SELECT j.target FROM jobs AS j"
            f" WHERE j.job_id >= transactions.seq * {JOBS_PER_TRANSACTION}"
            f" AND j.job_id < (transactions.seq + 1) * {JOBS_PER_TRANSACTION} AND j.role = 'shadow' LIMIT 1))"
            " FROM transactions WHERE kind = ?"
            f" AND transactional = {int(KINDS[kind].transactional)}"
            " AND authority IS NOT NULL AND {any} ORDER BY seq",
            "document_id",
            list(ids),
            kind,
        ):
            placed[(kind, document_id)] = authority
            if deliver and not shadow:
                alone.add((kind, document_id))
            else:
                alone.discard((kind, document_id))
            if shadow:
                copied[(kind, document_id)] = SystemId(shadow)
    return placed, alone, copied


def read_pins(tx: Transaction) -> dict[str, Pin]:
    """All manual pins by scope."""
    return {
        scope: Pin(scope=scope, authority=SystemId(authority), why=why, by=actor)
        for scope, authority, why, actor in tx.rows("SELECT scope, authority, why, actor FROM pins")
    }


def jobs_of(decision: Decision, document: Document, verb: str, key: str = "") -> list[NewJob]:
    """The authority job and, in a dual run, the shadow job of a routed document; none while it waits.

    `key`: its ordering key, where the caller has it already.
    """
    if decision.hold or decision.authority is None:
        return []
    key = key or document.ordering_key
    jobs = [_job("authority", decision.authority, document, verb, key)]
    if decision.shadow is not None and decision.shadow != decision.authority:
        jobs.append(_job("shadow", decision.shadow, document, verb, key))
    return jobs


def _job(role: Role, target: SystemId, document: Document, verb: str, key: str) -> NewJob:
    return NewJob(
        target=target,
        role=role,
        operation=operation_of(verb),
        external_id=document.document_id,
        lane=LaneKey(lane_of(role, key)),
        kind=document.kind,
        facts=_NO_FACTS,
    )


def job_row(tx: Transaction, seq: int, n: int, job: NewJob, legal_entity: str, business_unit: str) -> Row:
    """A job as a row of `JOB_COLUMNS`; due at once."""
    assert n < JOBS_PER_TRANSACTION
    kind = KINDS.get(job.kind)
    return (
        seq * JOBS_PER_TRANSACTION + n,
        job.target,
        job.lane,
        job.role,
        job.operation,
        job.kind,
        job.external_id,
        legal_entity,
        int(kind is not None and kind.commutes),
        "queued",
        0,
        tx.now,
        tx.now,
        "",
        "",
        0,
        facts_text(job.facts),
        business_unit,
    )


def decision_row(tx: Transaction, seq: int, n: int, decision: Decision) -> Row:
    """A decision as a row of `DECISION_COLUMNS`."""
    return (
        seq,
        n,
        tx.now,
        decision.rule,
        decision.table_version,
        decision.authority,
        decision.shadow,
        int(decision.hold),
        decision.why,
        decision.epoch,
    )


def next_job_numbers(tx: Transaction, seqs: Iterable[int]) -> dict[int, int]:
    """The next free n of each transaction's jobs."""
    found = {}
    for seq in seqs:
        first = seq * JOBS_PER_TRANSACTION
        newest = tx.rows(
            "SELECT max(job_id) FROM jobs WHERE job_id >= ? AND job_id < ?",
            (first, first + JOBS_PER_TRANSACTION),
        )[0][0]
        found[seq] = 0 if newest is None else int(newest) - first + 1
    return found
