"""What is still open: documents of a project, what was settled against an invoice, what waits parked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import KINDS, Kind
from router.canonical.masters import Contract
from router.canonical.work import ChangeOrder
from router.journal.billing_facts import Kept
from router.journal.core import JournalCore
from router.journal.engine import Row, Transaction
from router.journal.repairing import NOT_REPAIRS
from router.journal.schema import JOBS_PER_TRANSACTION, RESTING
from router.journal.words import document_of, id_text
from router.model import State

_STATE = "CASE WHEN t.job_id IS NULL THEN t.state ELSE j.state END"
_NAMES = (
    "seq", "kind", "document_id", "verb", "source", "received", "problem", "problem_code", "ordering_key",
    "correlation_id", "state", "target", "code", "why",
)  # fmt: skip
_COLUMNS = (
    "SELECT t.seq, t.kind, t.document_id, t.verb, t.source, t.received, t.problem, t.problem_code,"
    f" t.ordering_key, t.correlation_id, {_STATE}, coalesce(j.target, ''), coalesce(j.code, ''),"
    " coalesce(j.why, '') FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id"
)


class OpenItemReads(JournalCore):
    """Rows are dicts, oldest first; `received` is the payload as text."""

    async def every(self, kind: Kind, ids: Sequence[str] | None = None) -> list[Document]:
        """Every accepted document of a kind (of these ids), each version of a master, oldest first."""
        return await self._read(_every, kind, ids)

    async def parked(self, *, codes: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Transactions parked without a document, those of some problem codes or all."""
        return await self._read(_parked, codes)

    async def not_posted(self, project_id: str) -> list[dict[str, Any]]:
        """Transactions of a project that their ERP does not have (yet), whatever the reason."""
        return await self._read(_not_posted, project_id)

    async def version_states(self, contract_id: str) -> dict[int, State]:
        """How each accepted version of a contract stands: its change order's state, else its document's.

        One that its ERP has, while a shadow delivery of it is still on its way, stands as that delivery does.
        """
        return await self._read(_version_states, contract_id)

    async def against(self, invoice_id: str) -> list[Kept]:
        """Payments, credit memos and write-offs of an invoice, oldest first, with their state."""
        return await self._read(_against, invoice_id)

    async def family(self, kind: Kind, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Accepted transactional documents of these ids and all derived from them (`<id>.…`).

        Adds `document`; what was refused for good by its ERP is among them.
        """
        return await self._read(_family, kind, ids)


def _rows(found: Sequence[Row]) -> list[dict[str, Any]]:
    rows = [dict(zip(_NAMES, row, strict=False)) for row in found]
    for row in rows:
        row["transaction_id"] = id_text(row["seq"])
        row["received"] = bytes(row["received"]).decode("utf-8", "replace")
    return rows


def _every(tx: Transaction, kind: Kind, ids: Sequence[str] | None) -> list[Document]:
    query = (
        "SELECT seq, canonical, schema_version FROM transactions WHERE kind = ?"
        f" AND transactional = {int(KINDS[kind].transactional)} AND canonical IS NOT NULL"
    )
    rows = (
        tx.rows(query, (kind,))
        if ids is None
        else tx.among(query + " AND {any}", "document_id", list(dict.fromkeys(ids)), kind)
    )
    return [document_of(canonical, version) for _, canonical, version in sorted(rows)]


def _parked(tx: Transaction, codes: Sequence[str]) -> list[dict[str, Any]]:
    # The list of states repeats the condition of the partial index, or it would not be used.
    query = _COLUMNS + f" WHERE t.{RESTING} AND t.state = 'parked' AND t.canonical IS NULL"
    rows = (
        tx.among(query + " AND {any}", "t.problem_code", list(dict.fromkeys(codes)))
        if codes
        else tx.rows(query)
    )
    return _rows(sorted(rows))


def _not_posted(tx: Transaction, project_id: str) -> list[dict[str, Any]]:
    rows = tx.rows(
        f"{_COLUMNS} WHERE t.ordering_key = ? AND {_STATE} <> 'posted' ORDER BY t.seq", (project_id,)
    )
    return _rows(rows)


def _version_states(tx: Transaction, contract_id: str) -> dict[int, State]:
    shadow = (
        "(SELECT min(s.state) FROM jobs AS s WHERE s.role = 'shadow' AND s.state IN ('queued','in_flight','in_doubt')"
        f" AND s.job_id >= t.seq * {JOBS_PER_TRANSACTION} AND s.job_id < (t.seq + 1) * {JOBS_PER_TRANSACTION})"
    )
    stands = f"CASE WHEN {_STATE} = 'posted' THEN coalesce({shadow}, 'posted') ELSE {_STATE} END"
    query = (
        f"SELECT t.seq, t.canonical, t.schema_version, {stands} FROM transactions AS t LEFT JOIN jobs AS j"
        " ON j.job_id = t.job_id WHERE t.kind = ? AND t.canonical IS NOT NULL"
    )
    mark = f'%"contract_id":"{contract_id}"%'
    rows = tx.rows(query + " AND t.transactional = 0 AND t.document_id = ?", ("contract", contract_id))
    orders = tx.rows(query + " AND t.transactional = 1 AND t.canonical LIKE ?", ("change_order", mark))
    found: dict[int, State] = {}
    for _, canonical, version, state in [*sorted(rows), *sorted(orders)]:
        document = document_of(canonical, version)
        if isinstance(document, Contract) or (
            isinstance(document, ChangeOrder) and document.contract_id == contract_id
        ):
            found[document.contract_version] = State(state)
    return found


def _against(tx: Transaction, invoice_id: str) -> list[Kept]:
    rows: list[Row] = []
    for kind in ("payment", "credit_memo", "write_off"):
        rows += tx.rows(
            f"SELECT t.seq, t.canonical, t.schema_version, {_STATE}, j.settled_at FROM transactions AS t"
            " LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE t.kind = ? AND t.transactional = 1"
            f" AND {NOT_REPAIRS} AND t.canonical LIKE ?",  # narrows; the document itself decides below
            (kind, f'%"invoice_id":"{invoice_id}"%'),
        )
    found = [
        Kept(
            transaction_id=id_text(seq),
            document=document_of(canonical, version),
            state=State(state),
            settled_at=settled_at or "",
        )
        for seq, canonical, version, state, settled_at in sorted(rows)
    ]
    return [one for one in found if getattr(one.document, "invoice_id", None) == invoice_id]


def _family(tx: Transaction, kind: Kind, ids: Sequence[str]) -> list[dict[str, Any]]:
    wanted = list(dict.fromkeys(ids))
    query = _COLUMNS.replace("coalesce(j.why, '')", "coalesce(j.why, ''), t.canonical, t.schema_version")
    query += f" WHERE t.kind = ? AND t.transactional = 1 AND t.canonical IS NOT NULL AND {NOT_REPAIRS}"
    rows = tx.among(query + " AND {any}", "t.document_id", wanted, kind)
    for stem in sorted({row[2] for row in rows}):
        # Everything from `<id>.` up to `<id>/`, the next character: a range of the index, no pattern.
        rows = [
            *rows,
            *tx.rows(f"{query} AND t.document_id > ? AND t.document_id < ?", (kind, f"{stem}.", f"{stem}/")),
        ]
    ordered = sorted({row[0]: row for row in rows}.values())
    found = _rows(ordered)
    for row, (*_, canonical, version) in zip(found, ordered, strict=True):
        row["document"] = document_of(canonical, version)
    return found
