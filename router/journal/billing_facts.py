"""What billing asks the journal: the documents of some kinds, with how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.repairing import NOT_REPAIRS
from router.journal.words import document_of, id_text
from router.model import State, TransactionId

_STATE = "CASE WHEN t.job_id IS NULL THEN t.state ELSE j.state END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A document of the journal and where it stands."""

    transaction_id: TransactionId
    document: Document
    state: State
    settled_at: str
    """When its ERP had it, RFC 3339; empty before."""


class BillingFacts(JournalCore):
    """Transactional documents by project, entity or contract, oldest first."""

    async def kept(
        self,
        kinds: Sequence[Kind],
        *,
        projects: Sequence[str] | None = None,
        legal_entity: str | None = None,
        contract_id: str | None = None,
    ) -> list[Kept]:
        """Accepted documents of transactional kinds, narrowed to projects, an entity, a contract."""
        return await self._read(_kept, kinds, projects, legal_entity, contract_id)


def _kept(
    tx: Transaction,
    kinds: Sequence[Kind],
    projects: Sequence[str] | None,
    legal_entity: str | None,
    contract_id: str | None,
) -> list[Kept]:
    where, values = "", []
    if legal_entity is not None:
        where += " AND t.legal_entity = ?"
        values.append(legal_entity)
    if contract_id is not None:
        where += " AND t.canonical LIKE ?"  # narrows; the document itself decides below
        values.append(f'%"contract_id":"{contract_id}"%')
    query = (
        f"SELECT t.seq, t.canonical, t.schema_version, {_STATE}, j.settled_at FROM transactions AS t"
        " LEFT JOIN jobs AS j ON j.job_id = t.job_id"
        f" WHERE t.kind = ? AND t.transactional = 1 AND t.canonical IS NOT NULL AND {NOT_REPAIRS}{where}"
    )
    rows: list[tuple[int, str, int, str, str | None]] = []
    for kind in kinds:
        if projects is None:
            rows += tx.rows(query, (kind, *values))
        else:
            rows += tx.among(query + " AND {any}", "t.ordering_key", list(projects), kind, *values)
    found = [
        Kept(
            transaction_id=id_text(seq),
            document=document_of(canonical, version),
            state=State(state),
            settled_at=(settled_at or "") if state == State.POSTED else "",
        )
        for seq, canonical, version, state, settled_at in sorted(rows)
    ]
    if contract_id is not None:
        found = [one for one in found if getattr(one.document, "contract_id", None) == contract_id]
    return found
