"""The process `bill`: what of an entity's work is not billed, and the billing events that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from router.canonical.billing import BillingEvent, CreditMemo, Invoice
from router.canonical.documents import Document
from router.canonical.masters import Contract, Project
from router.canonical.reference import period_of
from router.canonical.work import Charge, ExpenseItem, Milestone, TimeEntry
from router.finance import charges
from router.finance.grouping import Bill, Open, bills, event_id
from router.finance.terms import Terms
from router.journal.billing_facts import Kept
from router.journal.journal import Journal
from router.model import State
from router.workflows.agreements import Agreements

WORK = ("time_entry", "expense_item", "milestone", "charge", "billing_event")
_AHEAD = (State.POSTED, State.QUEUED, State.IN_FLIGHT, State.IN_DOUBT)
"""Posted, or delivered before a billing event that is accepted now: they share its lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How a contract of an engagement stands, in minor units of its currency."""

    contract: Contract
    contracted_minor: int | None
    """Fees, and caps of time and expenses; None: it is open-ended."""
    billed_minor: int
    """Net of invoices less credit memos."""
    unbilled_minor: int


class Invoicing:
    """Reads what is open and says which invoices to ask for; accepts nothing."""

    def __init__(self, *, journal: Journal, agreements: Agreements) -> None:
        self._journal = journal
        self._agreements = agreements

    async def plan(
        self,
        legal_entity: str,
        *,
        period: str,
        through: date,
        customer_id: str | None = None,
        contract_id: str | None = None,
    ) -> list[Bill]:
        """The invoices of an entity for a period, narrowed to a customer or contract."""
        projects = [
            project
            for project in await self._projects(legal_entity)
            if customer_id in (None, project.customer_id) and contract_id in (None, project.contract_id)
        ]
        return bills(await self._open(legal_entity, projects, period, through), period)

    async def event(self, bill: Bill, *, period: str, through: date, on: date) -> BillingEvent:
        """The billing event that asks for an invoice; a later one of the same period has a number."""
        first, *rest = bill.projects
        kept = await self._journal.kept(["billing_event"], legal_entity=first.legal_entity)
        known = {one.document.document_id for one in kept}
        run = 1
        while event_id(first.legal_entity, period, bill.key, run) in known:
            run += 1
        return BillingEvent(
            kind="billing_event",
            document_id=event_id(first.legal_entity, period, bill.key, run),
            legal_entity=first.legal_entity,
            region=first.region,
            business_unit=first.business_unit,
            accounting_date=on,
            project_id=first.document_id,
            customer_id=bill.contract.customer_id,
            contract_id=first.contract_id,
            currency=bill.contract.currency,
            period=period,
            through=through,
            with_projects=tuple(project.document_id for project in rest),
        )

    async def engagement(self, engagement_id: str, *, period: str, through: date) -> list[Position]:
        """How each contract of an engagement stands, in the order of their ids."""
        found = await self._journal.masters("contract")
        contracts = sorted(
            (one for one in found if isinstance(one, Contract) and one.engagement_id == engagement_id),
            key=lambda one: one.document_id,
        )
        positions = []
        for contract in contracts:
            terms = await self._agreements.terms(contract)
            newest = contract.model_copy(update={"lines": terms[-1].lines, "ends": terms[-1].ends})
            projects = [
                one
                for one in await self._projects(contract.legal_entity)
                if one.contract_id == contract.document_id
            ]
            rows = await self._open(contract.legal_entity, projects, period, through)
            positions.append(
                Position(
                    contract=contract,
                    contracted_minor=_contracted(newest, terms),
                    billed_minor=await self._billed(contract, projects),
                    unbilled_minor=sum(row.unbilled_minor for row in rows),
                )
            )
        return positions

    async def _projects(self, legal_entity: str) -> list[Project]:
        found = await self._journal.masters("project")
        return [one for one in found if isinstance(one, Project) and one.legal_entity == legal_entity]

    async def _billed(self, contract: Contract, projects: Sequence[Project]) -> int:
        kept = await self._journal.kept(["invoice", "credit_memo"], legal_entity=contract.legal_entity)
        own = {project.document_id for project in projects}
        billed = 0
        for one in kept:
            document = one.document
            if not isinstance(document, Invoice | CreditMemo) or one.state not in _AHEAD:
                continue
            named = document.contract_id or (contract.document_id if document.project_id in own else None)
            if named == contract.document_id:
                billed += document.net.minor if isinstance(document, Invoice) else -document.net.minor
        return billed

    async def _open(
        self, legal_entity: str, projects: Sequence[Project], period: str, through: date
    ) -> list[Open]:
        kept = await self._journal.kept(WORK, legal_entity=legal_entity)
        by_project: dict[str, list[Kept]] = {}
        for one in kept:
            document = one.document
            names = [str(getattr(document, "project_id", ""))]
            if isinstance(document, BillingEvent):
                names += document.with_projects
            for name in names:
                by_project.setdefault(name, []).append(one)
        found = []
        charged: set[str] = set()
        for project in projects:
            signed = await self._agreements.contract_of(project.document_id)
            if signed is None:
                continue
            now = (await self._agreements.terms(signed))[-1]
            contract = signed.model_copy(update={"lines": now.lines, "ends": now.ends})
            row = _open_of(project, contract, by_project.get(project.document_id, ()), through)
            if contract.document_id not in charged:
                charged.add(contract.document_id)
                row = await self._with_fees(row, kept, period, through)
            found.append(row)
        return found

    async def _with_fees(self, row: Open, kept: Sequence[Kept], period: str, through: date) -> Open:
        """A project with the fees that fall due with its bill: charges that do not exist yet."""
        contract_id = row.contract.document_id
        existing = {
            one.document.document_id
            for one in kept
            if isinstance(one.document, Charge) and one.document.contract_id == contract_id
        }
        terms = await self._agreements.terms(row.contract)
        due = charges.due(contract_id, terms, period=period, through=through, charged=existing)
        fees = [fee for fee in due if fee.first <= through]
        return Open(
            project=row.project,
            contract=row.contract,
            unbilled_minor=row.unbilled_minor + sum(fee.amount.minor for fee in fees),
            documents=row.documents + len(fees),
            left_out=row.left_out,
            under_way=row.under_way,
        )


def _open_of(project: Project, contract: Contract, kept: Sequence[Kept], through: date) -> Open:
    events = [
        (one, one.document)
        for one in kept
        if isinstance(one.document, BillingEvent) and one.state not in (State.REFUSED, State.DEAD)
    ]
    bills_what = {line.bills for line in contract.lines}
    unbilled = documents = 0
    left_out: list[str] = []
    for one in kept:
        worth = _worth(one.document, contract)
        if worth is None:
            continue
        day, sort, minor = worth
        if day > through or sort not in bills_what or not minor:
            continue
        if any(
            event.through >= day and one.settled_at and one.settled_at <= asked.settled_at
            for asked, event in events
            if asked.settled_at
        ):
            continue
        if one.state in _AHEAD:
            unbilled += minor
            documents += 1
        else:
            document = one.document
            left_out.append(
                f"{document.kind} {document.document_id} is {one.state.value} ({one.transaction_id}):"
                " see its exception"
            )
    waiting = [event.document_id for asked, event in events if not asked.settled_at]
    return Open(
        project=project,
        contract=contract,
        unbilled_minor=unbilled,
        documents=documents,
        left_out=tuple(left_out),
        under_way=waiting[0] if waiting else "",
    )


def _worth(document: Document, contract: Contract) -> tuple[date, str, int] | None:
    """The day, the word of the contract line and the minor units of billable work; None for anything else."""
    if isinstance(document, TimeEntry):
        return (document.work_date, "time", document.money.minor) if document.billable else None
    if isinstance(document, ExpenseItem):
        return (document.expense_date, "expenses", document.billed.minor) if document.billable else None
    if isinstance(document, Milestone):
        return document.completed_on, "milestones", document.amount.minor
    if isinstance(document, Charge):
        line = next((one for one in contract.lines if one.line == document.contract_line), None)
        sort = line.bills if line is not None else "subscription"
        return document.service_from, sort, document.amount.minor
    return None


def _contracted(contract: Contract, terms: Sequence[Terms]) -> int | None:
    total = 0
    for line in contract.lines:
        if line.bills in charges.FEES:
            ends = charges.last_day(contract.starts, line.ends or contract.ends)
            if ends is None:
                return None
            fees = charges.fees_through(contract.document_id, terms, line.line, period_of(ends))
            total += sum(fee.amount.minor for fee in fees)
        elif line.bills == "milestones" or line.cap is not None:
            total += line.amount.minor if line.amount is not None else 0
        elif line.bills == "time":
            return None
    return total
