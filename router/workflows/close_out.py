"""Closing a project: refused while anything is open.

Open is what the journal knows: documents their ERP does not have, work that is not billed, invoices
that are not paid, versions of the contract that wait, revenue that is planned and not recognised. Between the look and the acceptance another gateway may take an entry
in: it is delivered before the close, or refused by the ERP, and either way a person sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from router.canonical.billing import BillingEvent, Invoice, RevenueSchedule
from router.canonical.kinds import Kind
from router.canonical.ledger import JournalEntry
from router.canonical.masters import Project
from router.canonical.money import Money
from router.canonical.work import Charge, ExpenseItem, Milestone, TimeEntry
from router.errors import NotFound, OpenItems
from router.finance.credits import open_of
from router.journal.billing_facts import Kept
from router.journal.journal import Journal
from router.journal.port import Submission
from router.model import State
from router.workflows.changes import GAP
from router.workflows.directory import Directory
from router.workflows.submissions import payload_of

SHOWN = 20
"""Open items named in a refusal; the count is always whole."""
LOST = (State.REFUSED, State.DEAD)
WORK = ("time_entry", "expense_item", "milestone", "charge")
_MEND: Mapping[str, str] = {
    State.HELD: "release the hold (a freeze or a rule of the route table)",
    State.PARKED: "mend what its problem says, then replay it",
    State.REFUSED: "mend what the ERP refused, then replay it, or resolve its exception",
    State.DEAD: "find out what the ERP has of it, then replay it or resolve its exception",
}
_WAITS = "nothing: it is on its way; ask again when it is posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One thing that keeps a project from being closed."""

    kind: Kind
    document_id: str
    state: str
    """A state of the journal, or `unbilled`, `unpaid`, `unrecognised`."""
    why: str
    mend: str
    transaction_id: str = ""

    def as_row(self) -> dict[str, str]:
        """As the API shows it."""
        return {
            "kind": self.kind,
            "document_id": self.document_id,
            "state": self.state,
            "why": self.why,
            "mend": self.mend,
            "transaction_id": self.transaction_id,
        }


class CloseOut:
    """Knows what is open of a project; a Vet that lets a project be closed only when nothing is."""

    kinds: frozenset[Kind] = frozenset({"project"})
    alone = True

    def __init__(self, *, journal: Journal, directory: Directory) -> None:
        self._journal = journal
        self._directory = directory

    async def open_items(self, project_id: str) -> list[OpenItem]:
        """Everything open of a project, documents first, oldest first; raises NotFound."""
        project = await self._directory.find(Project, project_id)
        if project is None:
            raise NotFound(f"there is no project {project_id[:80]!r}")
        found = await self._undelivered(project)
        found += await self._unbilled(project)
        found += await self._unpaid(project)
        return found + await self._unrecognised(project)

    async def look(self, submission: Submission) -> Submission:
        """Judge a project: closed with something open raises OpenItems."""
        project = submission.document
        if not isinstance(project, Project):
            return submission
        if submission.verb != "closed" and project.status != "closed":
            return submission
        known = await self._directory.find(Project, project.document_id)
        if known is not None and known.status != "closed":
            refuse_open(project.document_id, await self.open_items(project.document_id))
        if project.status == "closed":
            return submission
        closed = project.model_copy(update={"status": "closed"})
        return replace(submission, document=closed, as_sent=submission.as_sent or project)

    async def _undelivered(self, project: Project) -> list[OpenItem]:
        resolved = {
            name for name, case in (await self._journal.cases()).items() if case["state"] == "resolved"
        }
        rows = {row["seq"]: row for row in await self._journal.not_posted(project.document_id)}
        for row in await self._journal.parked():
            payload = payload_of(row["received"]) or {}
            named = payload.get("project_id") == project.document_id
            waits = row["problem_code"] == GAP and project.contract_id in (
                payload.get("contract_id"),
                payload.get("document_id"),
            )
            if named or waits:
                rows[row["seq"]] = row
        return [_undelivered(row) for _, row in sorted(rows.items()) if row["transaction_id"] not in resolved]

    async def _unbilled(self, project: Project) -> list[OpenItem]:
        name = project.document_id
        work = await self._journal.kept(WORK, projects=[name])
        events = await self._journal.kept(["billing_event"], legal_entity=project.legal_entity)
        mine = [one for one in events if _bills(one.document, name) and one.state is State.POSTED]
        return unbilled(work, mine)

    async def _unpaid(self, project: Project) -> list[OpenItem]:
        items: list[OpenItem] = []
        for kept in await self._journal.kept(["invoice"], projects=[project.document_id]):
            invoice = kept.document
            if not isinstance(invoice, Invoice) or kept.state in LOST or invoice.status == "cancelled":
                continue
            rest = open_of(invoice, await against(self._journal, invoice.document_id))
            if rest.minor:
                items.append(
                    OpenItem(
                        kind="invoice",
                        document_id=invoice.document_id,
                        state="unpaid",
                        why=f"{rest} {rest.currency} of {invoice.total} is open",
                        mend="collect it, credit it, or write it off (POST /v1/processes/write-off)",
                        transaction_id=kept.transaction_id,
                    )
                )
        return items

    async def _unrecognised(self, project: Project) -> list[OpenItem]:
        name = project.document_id
        entries = await self._journal.kept(["journal_entry"], projects=[name])
        items: list[OpenItem] = []
        for kept in await self._journal.kept(["revenue_schedule"], projects=[name]):
            plan = kept.document
            if not isinstance(plan, RevenueSchedule) or kept.state in LOST:
                continue
            rest = _planned(plan) - _recognised(plan, entries)
            if rest > 0:
                shown = Money(rest, plan.currency)
                items.append(
                    OpenItem(
                        kind="revenue_schedule",
                        document_id=plan.document_id,
                        state="unrecognised",
                        why=f"{shown} {plan.currency} of its revenue is planned and not recognised",
                        mend="recognise its remaining periods (POST /v1/processes/recognise-revenue)",
                        transaction_id=kept.transaction_id,
                    )
                )
        return items


async def against(journal: Journal, invoice_id: str) -> list[Any]:
    """Payments, credits and write-offs of an invoice that were not refused, on their way or posted."""
    return [one.document for one in await journal.against(invoice_id) if one.state not in LOST]


def refuse_open(project_id: str, items: Sequence[OpenItem]) -> None:
    """Raise OpenItems naming what is open, if anything is."""
    if not items:
        return
    named = "; ".join(
        f"{one.kind} {one.document_id or one.transaction_id}: {one.why}" for one in items[:SHOWN]
    )
    more = f"; and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    raise OpenItems(
        f"project {project_id} has {len(items)} open items: {named}{more}",
        mend=items[0].mend,
        open_items=len(items),
    )


def unbilled(work: Sequence[Kept], events: Sequence[Kept]) -> list[OpenItem]:
    """Posted billable work no posted billing event has billed; what sums to nothing is not open.

    An event has billed what its ERP had before it, dated no later than its last day. An entry and what
    takes it back belong together, whichever of them was billed.
    """
    open_: dict[str, list[tuple[Kept, Money]]] = {}
    for kept in work:
        worth = _billable(kept.document)
        if worth is None or not worth.minor or kept.state is not State.POSTED or _is_billed(kept, events):
            continue
        taken_back = getattr(kept.document, "adjusts", None) if worth.minor < 0 else None
        open_.setdefault(taken_back or kept.document.document_id, []).append((kept, worth))
    return [
        OpenItem(
            kind=kept.document.kind,
            document_id=kept.document.document_id,
            state="unbilled",
            why=f"{worth} {worth.currency} is not billed",
            mend="bill it (POST /v1/processes/bill, or a billing event), or have it made not billable",
            transaction_id=kept.transaction_id,
        )
        for group in open_.values()
        if sum(worth.minor for _, worth in group)
        for kept, worth in group
    ]


def _undelivered(row: Mapping[str, Any]) -> OpenItem:
    state = str(row["state"])
    payload = payload_of(row["received"]) or {}
    return OpenItem(
        kind=row["kind"],
        document_id=str(row["document_id"] or payload.get("document_id") or ""),
        state=state,
        why=row["problem"] or row["why"] or f"it is {state.replace('_', ' ')}",
        mend=_MEND.get(state, _WAITS),
        transaction_id=row["transaction_id"],
    )


def _bills(document: Any, project_id: str) -> bool:
    return isinstance(document, BillingEvent) and project_id in (document.project_id, *document.with_projects)


def _is_billed(kept: Kept, events: Iterable[Kept]) -> bool:
    document = kept.document
    for event in events:
        bill = event.document
        assert isinstance(bill, BillingEvent)
        if document.document_id in (*bill.milestone_ids, *bill.charge_ids):
            return True
        if kept.settled_at <= event.settled_at and _date(document) <= bill.through:
            return True
    return False


def _date(document: Any) -> Any:
    for name in ("work_date", "expense_date", "completed_on", "service_from"):
        found = getattr(document, name, None)
        if found is not None:
            return found
    return document.accounting_date


def _billable(document: Any) -> Money | None:
    if isinstance(document, TimeEntry):
        return document.money if document.billable else None
    if isinstance(document, ExpenseItem):
        return document.billed
    return document.amount if isinstance(document, Milestone | Charge) else None


def _planned(plan: RevenueSchedule) -> int:
    return sum(line.amount.minor for line in plan.lines)


def _recognised(plan: RevenueSchedule, entries: Iterable[Kept]) -> int:
    """Revenue credited for a plan: entries that name it, or its contract, as their source."""
    total = 0
    for kept in entries:
        entry = kept.document
        if not isinstance(entry, JournalEntry) or entry.purpose != "revenue" or kept.state in LOST:
            continue
        if plan.document_id == entry.source_id or (
            entry.source_id is None and entry.contract_id == plan.contract_id
        ):
            total -= sum(line.amount.minor for line in entry.lines if line.account == "REVENUE")
    return total
