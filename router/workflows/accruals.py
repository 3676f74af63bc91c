"""The accrual run of a period: what is approved but not in its ERP is accrued, once, and reversed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from router.canonical.documents import Document
from router.canonical.ledger import JournalEntry
from router.canonical.masters import Contract, Project
from router.errors import InProgress, PeriodClosed, PeriodOpen
from router.finance import fx
from router.finance.accruals import KINDS, Run, Unposted, accruals, covered_by, revenue_of
from router.finance.calendar import following
from router.journal.billing_facts import Kept
from router.journal.journal import Journal
from router.journal.port import Acceptance, Conflict, Submission
from router.landscape import Landscape
from router.model import State
from router.workflows.directory import Directory
from router.workflows.period_book import PeriodBook
from router.workflows.submissions import own_submission

SOURCE = "/coexist/accrue"
ARRIVES = frozenset({State.POSTED, State.QUEUED, State.IN_FLIGHT, State.IN_DOUBT})
"""States of work that is in its ERP, or goes there by itself, into the period: accrued, it would count twice."""
IN_DOUBT = "in-doubt"
"""Code of a delivery that was given up while its ERP may have the work."""
Accept = Callable[[Sequence[Submission]], Awaitable[list[Acceptance]]]
"""The way into the journal, with all its checks."""


class Accruals:
    """Runs accruals on one journal; says which work they cover."""

    def __init__(
        self, *, landscape: Landscape, journal: Journal, directory: Directory, book: PeriodBook
    ) -> None:
        self._landscape = landscape
        self._journal = journal
        self._directory = directory
        self._book = book

    async def run(self, accept: Accept, *, entity: str, period: str, dry_run: bool) -> dict[str, Any]:
        """Accrue what is not covered yet; run again it adds only what is new. Raises PeriodClosed, PeriodOpen.

        Work on its way to its ERP is not accrued: it still arrives in the period, and until then it is
        in the way of a hard close.
        A period is soft-closed first: work accepted after the run would be accrued by nobody. A dry run may
        look at an open one.
        """
        run = self._run(entity, period)
        await self._book.load()
        if not dry_run and self._book.state_on(entity, run.last) == "open":
            raise PeriodOpen(
                f"period {period} of {entity} is open: what is accepted after an accrual would not be accrued",
                mend=f"soft-close it first (POST /v1/periods/{entity}/{period}:soft-close)",
            )
        earlier = [entry for _, entry in await self._kept(run)]
        made = accruals(run, await self._unposted(run), earlier, self._rates(run))
        if made and not dry_run:
            if self._book.state_on(entity, run.last) == "closed":
                raise PeriodClosed(
                    f"period {period} of {entity} is closed, so nothing can be accrued in it",
                    mend="have it re-opened",
                )
            answers = await accept([self._submission(run, one) for pair in made for one in pair])
            if any(isinstance(answer, Conflict) for answer in answers):
                raise InProgress("another run accrues this period", mend="run it again in a moment")
        return {
            "legal_entity": entity,
            "period": period,
            "dry_run": dry_run,
            "accounting_date": run.last.isoformat(),
            "reversed_on": run.then.isoformat(),
            "entries": [_shown(entry, reversal) for entry, reversal in made],
            "covered_before": sum(len(covered_by(one)) for one in earlier),
        }

    async def covered(self, entity: str, period: str) -> frozenset[tuple[str, str]]:
        """(kind, document id) of the work whose accrual stands in its ERP."""
        rows = await self._kept(self._run(entity, period))
        return frozenset(key for row, entry in rows if row.state is State.POSTED for key in covered_by(entry))

    def _run(self, entity: str, name: str) -> Run:
        period = self._book.calendars.named(entity, name)
        then = following(self._book.calendars.of(entity), period).first
        return Run(legal_entity=entity, period=name, last=period.last, then=then)

    async def _unposted(self, run: Run) -> list[Unposted]:
        first = self._book.calendars.named(run.legal_entity, run.period).first
        rows = await self._journal.entered(
            KINDS, first=first.isoformat(), last=run.last.isoformat(), entity=run.legal_entity
        )
        found: list[Unposted] = []
        for row in rows:
            if row.state in ARRIVES or row.code == IN_DOUBT:
                continue
            worth = revenue_of(row.document, await self._contract(row.document))
            if worth is not None:
                found.append(Unposted(row.document, worth))
        return found

    async def _contract(self, document: Document) -> Contract | None:
        contract_id = getattr(document, "contract_id", None)
        if contract_id is None:
            project = await self._directory.find(Project, document.ordering_key)
            contract_id = project.contract_id if project else None
        return None if contract_id is None else await self._directory.find(Contract, contract_id)

    async def _kept(self, run: Run) -> list[tuple[Kept, JournalEntry]]:
        rows = await self._journal.kept(("journal_entry",), legal_entity=run.legal_entity)
        return [
            (row, row.document)
            for row in rows
            if isinstance(row.document, JournalEntry)
            and row.document.purpose == "accrual"
            and row.document.source_id == run.source_id
        ]

    def _rates(self, run: Run) -> dict[str, Decimal | None]:
        """Spot rates of the period's last day into the entity's currency, by currency."""
        own = self._landscape.legal_entities[run.legal_entity].currency
        rates, group = self._landscape.fx_rates, self._landscape.group_currency
        found: dict[str, Decimal | None] = {}
        for currency in sorted({name for row in rates for name in (row.base, row.quote)} - {own}):
            value = fx.rate(rates, "spot", currency, own, run.last, group=group)
            if value is not None:
                found[currency] = fx.as_rate(value)
        return found

    def _submission(self, run: Run, entry: JournalEntry) -> Submission:
        return own_submission(
            entry,
            source=SOURCE,
            event_id=entry.document_id,
            verb="posted",
            correlation_id=f"accrue:{run.source_id}",
        )


def _shown(entry: JournalEntry, reversal: JournalEntry) -> dict[str, Any]:
    return {
        "document_id": entry.document_id,
        "reversal_id": reversal.document_id,
        "project_id": entry.project_id,
        "amount": str(entry.lines[0].amount),
        "currency": entry.currency,
        "covers": [{"kind": kind, "document_id": name} for kind, name in covered_by(entry)],
    }
