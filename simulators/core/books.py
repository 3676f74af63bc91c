"""An ERP's business state: master data, work, receivables, on a balanced ledger with posting periods.

Every `put_…` is an upsert by external id; every `add_…` posts once and raises BooksError DUPLICATE
(`.existing` is the row) unless the vendor's protocol doubles documents (`allow_duplicate=True`).
Callers hand over a row and get the kept one back, with vendor_id, number and defaults filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from simulators.core import posting
from simulators.core.billing import terms_of, time_value, work_day
from simulators.core.bookkeeping import Bookkeeping, BooksError
from simulators.core.documents import described
from simulators.core.ledger import ACCOUNTS, WORK_IN_PROGRESS, LedgerLine
from simulators.core.receivables import Receivables
from simulators.core.rows import (
    BilledRow,
    ChangeOrder,
    ChargeRow,
    Contract,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    JournalEntry,
    MasterRow,
    MilestoneRow,
    PastTerms,
    Payment,
    PostedRow,
    Project,
    RateCard,
    RevenueSchedule,
    TimeRow,
    WorkRow,
    WriteOff,
)
from simulators.core.snapshot import books_from_bytes, books_to_bytes

W = TypeVar("W", bound=WorkRow)
F = TypeVar("F", MilestoneRow, ChargeRow)

__all__ = ["Bookkeeping", "Books", "BooksError"]


class Books(Receivables):
    """The books of one simulated ERP."""

    # Master data

    def put_customer(self, row: Customer) -> Customer:
        """Create or update a customer; raises UNKNOWN_ENTITY."""
        if row.entity:
            self.check_entity(row.entity)
        parent = self.store.resolve("customer", row.parent) if row.parent else None
        if parent is not None:
            row.parent = parent.vendor_id
        return self._upsert(row, row.entity)

    def put_rate_card(self, row: RateCard) -> RateCard:
        """Create or update a rate card."""
        return self._upsert(row, row.entity)

    def put_contract(self, row: Contract) -> Contract:
        """Create or update a contract; raises UNKNOWN_CUSTOMER, UNKNOWN_RATE_CARD, UNKNOWN_TAX_CODE, UNKNOWN_ENTITY."""
        self.check_entity(row.entity)
        row.customer = self.require(Customer, row.customer).vendor_id
        if row.rate_card:
            row.rate_card = self.require(RateCard, row.rate_card).vendor_id
        self.check_tax_codes([line.tax_code for line in row.lines])
        found = self.get("contract", row.external_id) if row.external_id else None
        if isinstance(found, Contract) and not row.past:
            # Change orders have made a history that the sender of a master need not know.
            row.past, row.effective = found.past, found.effective
            row.version = max(row.version, found.version)
        return self._upsert(row, row.entity)

    def put_project(self, row: Project) -> Project:
        """Create or update a project; raises UNKNOWN_CUSTOMER, UNKNOWN_CONTRACT, UNKNOWN_ENTITY, CURRENCY."""
        self.check_entity(row.entity)
        row.customer = self.require(Customer, row.customer).vendor_id
        contract = self.require(Contract, row.contract)
        row.contract = contract.vendor_id
        self.check_currency(row.currency, contract.currency)
        return self._upsert(row, row.entity)

    def put_master(self, row: MasterRow) -> MasterRow:
        """Create or update any other master row; external ids are unique among those of one sort."""
        return self._upsert(row, row.entity)

    # Work

    def add_time(self, row: TimeRow, *, allow_duplicate: bool = False) -> TimeRow:
        """Post approved time; its hours are kept as this ERP keeps hours. Raises UNKNOWN_PROJECT, INACTIVE, PERIOD_CLOSED.

        Time a retainer covers is not billable.
        """
        project = self._place(row)
        self._check_new(row, allow_duplicate=allow_duplicate)
        row.settle_hours(keep_hundredths=self.personality.hours == "hundredths")
        row.billable = row.billable and not row.covered
        if self._is_billed(row, project):
            row.wip_minor = time_value(row, self.personality.mode)
            self.fix_rate(row, like=self._adjusted(row))
        self._name(row)
        return self._keep_work(row, posting.time_lines(row))

    def add_expense(self, row: ExpenseRow, *, allow_duplicate: bool = False) -> ExpenseRow:
        """Post an approved expense in its project's currency; raises as `add_time`, CURRENCY."""
        project = self._place(row)
        self._check_new(row, allow_duplicate=allow_duplicate)
        if self._is_billed(row, project):
            row.wip_minor = row.billed_minor
        self.fix_rate(row, like=self._adjusted(row))
        self._name(row)
        return self._keep_work(row, posting.expense_lines(row))

    def add_milestone(self, row: MilestoneRow, *, allow_duplicate: bool = False) -> MilestoneRow:
        """Post a completed milestone; raises as `add_time`, UNKNOWN_CONTRACT when the contract has no such line."""
        return self._add_fee(row, allow_duplicate=allow_duplicate)

    def add_charge(self, row: ChargeRow, *, allow_duplicate: bool = False) -> ChargeRow:
        """Post a charge of a retainer or subscription line; raises as `add_milestone`, STATUS for another sort of line."""
        contract = self.require(Contract, row.contract)
        for line in contract.lines_on(row.service_from):
            if line.line == row.contract_line and line.bills not in ("retainer", "subscription"):
                message = f"line {line.line} of contract {contract.number} bills {line.bills}"
                raise BooksError("STATUS", message, "contract_line")
        if row.service_until < row.service_from:
            message = f"service ends {row.service_until}, before it starts {row.service_from}"
            raise BooksError("STATUS", message, "service_until")
        return self._add_fee(row, allow_duplicate=allow_duplicate)

    def add_change_order(self, row: ChangeOrder, *, allow_duplicate: bool = False) -> ChangeOrder:
        """Amend a contract: the order's lines replace it from its effective day on.

        Raises STATUS for a version that is not the one after the contract's.
        """
        contract = self.require(Contract, row.contract)
        row.contract, row.entity, row.currency = contract.vendor_id, contract.entity, contract.currency
        if row.project:
            row.project = self.require(Project, row.project).vendor_id
        self.check_tax_codes([line.tax_code for line in row.lines])
        self._check_new(row, allow_duplicate=allow_duplicate)
        if row.version != contract.version + 1:
            message = (
                f"contract {contract.number} is at version {contract.version}, so {row.version} can't follow"
            )
            raise BooksError("STATUS", message, "version")
        self._name(row)
        contract.past = [*contract.past, PastTerms(contract.version, contract.effective, contract.lines)]
        contract.lines, contract.version = list(row.lines), row.version
        contract.effective, contract.ends = row.effective, row.ends or contract.ends
        self._touch(contract)
        return self._keep(row, [])

    def add_revenue_schedule(self, row: RevenueSchedule, *, allow_duplicate: bool = False) -> RevenueSchedule:
        """Keep a revenue plan of a contract."""
        contract = self.require(Contract, row.contract)
        row.contract, row.entity, row.currency = contract.vendor_id, contract.entity, contract.currency
        if row.project:
            row.project = self.require(Project, row.project).vendor_id
        self._check_new(row, allow_duplicate=allow_duplicate)
        self._name(row)
        return self._keep(row, [])

    # General ledger

    def add_journal_entry(self, row: JournalEntry, *, allow_duplicate: bool = False) -> JournalEntry:
        """Post a balanced entry; raises AMOUNT, UNKNOWN_ACCOUNT, UNKNOWN_ENTITY, CURRENCY, PERIOD_CLOSED, UNKNOWN_ROW."""
        if row.project:
            project = self.require(Project, row.project)
            row.project, row.entity = project.vendor_id, row.entity or project.entity
        self.check_entity(row.entity)
        row.currency = row.currency or self.firm.entities[row.entity].currency
        reversed_entry = self.require(JournalEntry, row.reverses, "reverses") if row.reverses else None
        if reversed_entry is not None:
            row.reverses = reversed_entry.vendor_id
        self._check_new(row, allow_duplicate=allow_duplicate)
        for line in row.lines:
            if line.account not in ACCOUNTS:
                raise BooksError("UNKNOWN_ACCOUNT", f"there is no account {line.account!r}", "account")
        off = sum(line.minor for line in row.lines)
        if off or len(row.lines) < 2:
            raise BooksError(
                "AMOUNT", f"debits and credits differ by {off}, of {len(row.lines)} lines", "lines"
            )
        self.fix_rate(row, row.exchange_rate, like=reversed_entry)
        self._name(row)
        return self._keep(row, posting.entry_lines(row))

    def cancel(self, row: PostedRow, on: date) -> None:
        """Reverse a posted row on a date; again is no error. Raises STATUS (billed, paid), PERIOD_CLOSED."""
        if row.status == "cancelled":
            return
        if isinstance(row, Invoice | CreditMemo | Payment | WriteOff):
            self.cancel_receivable(row, on)
            return
        if isinstance(row, WorkRow) and row.invoice:
            raise BooksError("STATUS", f"{row.type} {row.number} is billed", "status")
        self.check_period(row.entity, on)
        self._reverse(row, on)
        if isinstance(row, WorkRow):
            left = self._unbilled.get(row.project, [])
            self._unbilled[row.project] = [other for other in left if other is not row]

    # The back door's view

    def documents(self) -> list[dict[str, Any]]:
        """Every row as {type, external_id, vendor_id, number, entity, date, currency, net_minor, …}, by type, oldest first."""
        return [described(row, self.store) for row in self.store.every()]

    def state(self) -> Mapping[str, Any]:
        """Documents and balances, in document and in company currencies, JSON-able and in a fixed order."""
        return {
            "documents": self.documents(),
            "trial_balance": self.trial_balance(),
            "base_balance": self.base_balance(),
        }

    def snapshot(self) -> bytes:
        """Everything, as compressed JSON."""
        return books_to_bytes(self.store, self.ledger, self.numbering)

    def restore(self, data: bytes) -> None:
        """Become what a snapshot was; raises ValueError when it is none, and then nothing changed."""
        store, ledger, counters = books_from_bytes(data, self.ledger)
        self.store, self.ledger, self.numbering.counters = store, ledger, counters
        self._index()

    def reset(self) -> None:
        """Forget everything, numbers included; periods are as the landscape says again."""
        fresh = Books(self.firm, self.personality, self.clock)
        self.store, self.ledger, self.numbering.counters = fresh.store, fresh.ledger, {}
        self._index()

    # Inside

    def _place(self, row: WorkRow) -> Project:
        project = self.active_project(row.project)
        self.check_currency(row.currency, project.currency)
        row.project, row.entity, row.currency = project.vendor_id, project.entity, project.currency
        if not row.dims:
            row.dims = dict(project.dims)
        return project

    def _add_fee(self, row: F, *, allow_duplicate: bool) -> F:
        contract = self.require(Contract, row.contract)
        row.contract = contract.vendor_id
        project = self._place(row)
        if all(line.line != row.contract_line for line in contract.lines_on(work_day(row))):
            message = f"contract {contract.number} has no line {row.contract_line}"
            raise BooksError("UNKNOWN_CONTRACT", message, "contract_line")
        self._check_new(row, allow_duplicate=allow_duplicate)
        terms = terms_of(contract, row)
        if self._is_billed(row, project) and not (terms is not None and terms.deferred):
            row.wip_minor = row.amount_minor
            self.fix_rate(row)
        self._name(row)
        return self._keep_work(row, posting.fee_lines(row))

    def _is_billed(self, row: WorkRow, project: Project) -> bool:
        contract = self.store.by_vendor_id("contract", project.contract)
        assert isinstance(contract, Contract)
        return row.billable and terms_of(contract, row) is not None

    def _keep_work(self, row: W, lines: Sequence[LedgerLine]) -> W:
        self._keep(row, lines)
        row.wip_base_minor = self.ledger.base_of(row.entry, WORK_IN_PROGRESS)
        if row.billable:
            self._unbilled.setdefault(row.project, []).append(row)
        return row

    def _index(self) -> None:
        self._unbilled, self._credits, self._billed = {}, {}, {}
        for row in self.store.every():
            if isinstance(row, WorkRow) and row.billable and not row.invoice and row.status != "cancelled":
                self._unbilled.setdefault(row.project, []).append(row)
            if isinstance(row, CreditMemo):
                self._credits.setdefault(row.invoice, []).append(row)
            if isinstance(row, BilledRow) and row.status != "cancelled":
                self._count_billed(row, -1 if isinstance(row, CreditMemo) else 1)
