"""The questions the journal answers; they change nothing and wait for no writer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

from router.canonical import Document
from router.canonical.kinds import Kind
from router.journal import fence, lanes, queries, records
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.port import LaneStatus
from router.model import State, SystemId, TransactionId


class Reads(JournalCore):
    """Everything that can be asked; rows are dicts with times as RFC 3339 text, in a fixed order."""

    async def next_due(self, target: SystemId) -> datetime | None:
        """When a lane of the target next comes due: open work, or a lease that ends; None: nothing waits."""
        return await self._read(lanes.next_due, target)

    async def table_text(self, version: int) -> str:
        """The text of a published route table; raises NotFound."""
        return await self._read(records.table_text, version)

    async def tables(self) -> list[dict[str, Any]]:
        """`version`, `by` and `at` of every published route table, lowest first."""
        return await self._read(records.tables)

    async def epochs(self) -> dict[str, tuple[int, int]]:
        """(epoch, table version) by entity; indexing one never switched gives (0, lowest version)."""
        return await self._read(fence.read_epochs)

    async def crosswalk(
        self, system: SystemId, keys: Sequence[tuple[Kind, str]]
    ) -> dict[tuple[Kind, str], str]:
        """Vendor ids of documents in a system; those it does not have are left out."""
        return await self._read(records.crosswalk, system, keys)

    async def sent(self, system: SystemId, external_ids: Sequence[str]) -> frozenset[str]:
        """Which of these ids a system was ever sent a document under."""
        return await self._read(queries.sent, system, external_ids)

    async def cursor(self, system: SystemId, feed: str) -> str | None:
        """How far a change feed was read."""
        return await self._read(records.cursor, system, feed)

    async def master(self, kind: Kind, document_id: str) -> Document | None:
        """The newest accepted document of an id."""
        return (await self.documents(kind, [document_id])).get(document_id)

    async def masters(self, kind: Kind) -> list[Document]:
        """The newest accepted document of every id of a kind, in order of first acceptance."""
        return await self._read(queries.masters, kind)

    async def documents(self, kind: Kind, ids: Sequence[str]) -> dict[str, Document]:
        """The newest accepted documents of these ids; unknown ones are left out."""
        return await self._read(queries.documents, kind, ids)

    async def process(self, correlation_id: str) -> dict[str, Any] | None:
        """The state of a business process, as its workflow left it."""
        return await self._read(records.process, correlation_id)

    async def transaction(self, transaction_id: str) -> dict[str, Any] | None:
        """Everything about one transaction: payload, decisions, jobs with tries, history, crosswalk."""
        return await self._read(queries.transaction, transaction_id)

    async def find(self, text: str) -> list[TransactionId]:
        """Transactions by transaction id, document id or correlation id, oldest first."""
        return await self._read(queries.find, text)

    async def lanes(
        self, *, target: SystemId | None = None, entities: Sequence[str] | None = None
    ) -> list[LaneStatus]:
        """Lanes where something waits, with why and until when; held transactions under their key."""
        return await self._read(queries.lane_statuses, target, entities)

    async def backlog(self) -> dict[SystemId, dict[State, int]]:
        """Jobs not posted, by target and state."""
        return await self._read(queries.backlog)

    async def totals(self) -> list[dict[str, Any]]:
        """`count` and `amount_minor` by `state`, `legal_entity`, `currency`, `kind` (I1)."""
        return await self._read(queries.totals)

    async def throughput(self, bucket_s: int) -> list[dict[str, Any]]:
        """Jobs `posted` by `target`, `role` and `bucket` (its start)."""
        return await self._read(queries.throughput, bucket_s)

    async def steps(self, run_id: str) -> list[dict[str, Any]]:
        """The log of a plan's run, oldest first: `step`, `event`, `at`, `data`."""
        return await self._read(records.steps, run_id)

    async def breaks(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """Stored breaks, each with its `run_id`, in the order stored."""
        return await self._read(records.breaks, run_id)

    def transactions(self) -> AsyncIterator[dict[str, Any]]:
        """Every transaction with its state and the decision in force, in order of acceptance."""
        return self._pages(queries.transactions_page, "seq")

    def jobs(self) -> AsyncIterator[dict[str, Any]]:
        """Every job with its transaction's header and vendor id, by job id: the order of its lane."""
        return self._pages(queries.jobs_page, "job_id")

    def history(self, *, what: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every line of the history, or those of one sort, in the order written."""

        def page(tx: Transaction, beyond: int) -> list[dict[str, Any]]:
            return queries.history_page(tx, beyond, what)

        return self._pages(page, "history_id")

    async def _pages(
        self, page: Callable[[Transaction, int], list[dict[str, Any]]], key: str
    ) -> AsyncIterator[dict[str, Any]]:
        beyond = 0
        while rows := await self._read(page, beyond):
            for row in rows:
                yield row
            beyond = rows[-1][key]
