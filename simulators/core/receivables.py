"""Receivables: invoices billed from work or given directly, credit memos, payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from simulators.core import billing, posting
from simulators.core.bookkeeping import Bookkeeping, BooksError
from simulators.core.rows import (
    BilledRow,
    Contract,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    InvoiceLine,
    MilestoneRow,
    Payment,
    Project,
    TimeRow,
    WorkRow,
)


class Receivables(Bookkeeping):
    """What customers are asked to pay, and what they paid."""

    def bill(
        self,
        *,
        external_id: str,
        project: str,
        contract: str,
        through: date,
        invoice_date: date,
        allow_duplicate: bool = False,
    ) -> Invoice:
        """Invoice all unbilled work of a project up to and including a day; see `billing` for the arithmetic.

        Raises BooksError UNKNOWN_PROJECT, UNKNOWN_CONTRACT, DUPLICATE, PERIOD_CLOSED, NOTHING_TO_BILL.
        """
        on, terms = self.require(Project, project), self.require(Contract, contract)
        customer = self.require(Customer, on.customer)
        invoice = Invoice(
            external_id=external_id,
            posting_date=invoice_date,
            entity=on.entity,
            currency=terms.currency,
            project=on.vendor_id,
            contract=terms.vendor_id,
            customer=customer.vendor_id,
            due_date=invoice_date + timedelta(days=customer.terms_days),
            through=through,
        )
        self._check_new(invoice, allow_duplicate=allow_duplicate)
        work = self.unbilled(on, terms, through)
        if not work:
            raise BooksError("NOTHING_TO_BILL", f"project {on.number} has no unbilled work through {through}")
        invoice.lines = billing.bill_lines(
            contract=terms,
            time=[row for row in work if isinstance(row, TimeRow)],
            expenses=[row for row in work if isinstance(row, ExpenseRow)],
            milestones=[row for row in work if isinstance(row, MilestoneRow)],
            personality=self.personality,
            tax_codes=self.firm.tax_codes,
        )
        self._keep_invoice(invoice, wip_minor=sum(row.wip_minor for row in work))
        for row in work:
            row.invoice = invoice.vendor_id
            self._touch(row)
        self._forget_billed(on.vendor_id)
        return invoice

    def unbilled(self, project: Project, contract: Contract, through: date) -> list[WorkRow]:
        """Billable work of a project that no invoice has, of kinds the contract has a line for, oldest first."""
        kinds = [line.bills for line in contract.lines]
        return [
            row
            for row in self._unbilled.get(project.vendor_id, ())
            if work_day(row) <= through and bills_word(row) in kinds
        ]

    def add_invoice(self, invoice: Invoice, *, allow_duplicate: bool = False) -> Invoice:
        """Post an invoice given line by line; totals of zero are summed, others must agree (AMOUNT)."""
        customer = self.require(Customer, invoice.customer)
        invoice.customer = customer.vendor_id
        if invoice.project:
            project = self.require(Project, invoice.project)
            invoice.project = project.vendor_id
            invoice.entity = invoice.entity or project.entity
            invoice.contract = invoice.contract or project.contract
            self.check_currency(invoice.currency, project.currency)
            invoice.currency = project.currency
        invoice.currency = invoice.currency or customer.currency
        self.check_entity(invoice.entity)
        self._check_new(invoice, allow_duplicate=allow_duplicate)
        self._check_lines(invoice, invoice.lines)
        invoice.due_date = invoice.due_date or invoice.posting_date + timedelta(days=customer.terms_days)
        return self._keep_invoice(invoice, wip_minor=0)

    def add_credit_memo(self, memo: CreditMemo, *, allow_duplicate: bool = False) -> CreditMemo:
        """Credit an invoice, whole (no lines) or in part; amounts are positive. Raises AMOUNT beyond the invoice."""
        invoice = self.require(Invoice, memo.invoice)
        self.check_currency(memo.currency, invoice.currency)
        memo.invoice, memo.customer, memo.contract = invoice.vendor_id, invoice.customer, invoice.contract
        memo.project, memo.entity, memo.currency = invoice.project, invoice.entity, invoice.currency
        self._check_new(memo, allow_duplicate=allow_duplicate)
        self._check_standing(invoice)
        if not memo.lines:
            memo.lines = [_copied(line) for line in invoice.lines]
        self._check_lines(memo, memo.lines)
        self._total(memo)
        left = invoice.total_minor - self._credited(invoice)
        if memo.total_minor < 0 or memo.total_minor > left:
            raise BooksError("AMOUNT", f"credit {memo.total_minor} of {left} creditable", "total")
        self._name(memo)
        memo.applied_minor = min(memo.total_minor, invoice.open_minor)
        self._keep(memo, posting.credit_lines(memo))
        self._credits.setdefault(invoice.vendor_id, []).append(memo)
        self._settle_invoice(invoice, -memo.applied_minor)
        return memo

    def add_payment(
        self, payment: Payment, *, allow_duplicate: bool = False, rest_on_account: bool = False
    ) -> Payment:
        """Receive money for an invoice; raises AMOUNT when it is not positive or more than is open.

        With `rest_on_account` what is more than open is kept on the customer's account instead.
        """
        invoice = self.require(Invoice, payment.invoice)
        self.check_currency(payment.currency, invoice.currency)
        payment.invoice, payment.customer, payment.project = (
            invoice.vendor_id,
            invoice.customer,
            invoice.project,
        )
        payment.entity, payment.currency = invoice.entity, invoice.currency
        self._check_new(payment, allow_duplicate=allow_duplicate)
        self._check_standing(invoice)
        most = payment.amount_minor if rest_on_account else invoice.open_minor
        if not 0 < payment.amount_minor <= most:
            raise BooksError(
                "AMOUNT", f"payment {payment.amount_minor} of {invoice.open_minor} open", "amount"
            )
        self._name(payment)
        self._keep(payment, posting.payment_lines(payment))
        payment.applied_minor = min(payment.amount_minor, invoice.open_minor)
        self._settle_invoice(invoice, -payment.applied_minor)
        return payment

    def cancel_receivable(self, row: Invoice | CreditMemo | Payment, on: date) -> None:
        """Reverse an invoice (its work may be billed again), a credit memo or a payment; raises STATUS."""
        self.check_period(row.entity, on)
        if isinstance(row, Invoice):
            if row.open_minor != row.total_minor:
                raise BooksError("STATUS", f"invoice {row.number} has payments or credits", "status")
            row.open_minor = 0
            self._release(row)
        else:
            self._settle_invoice(self.require(Invoice, row.invoice), row.applied_minor)
        self._reverse(row, on)

    def _keep_invoice(self, invoice: Invoice, *, wip_minor: int) -> Invoice:
        self._total(invoice)
        self._name(invoice)
        invoice.open_minor = invoice.total_minor
        return self._keep(invoice, posting.invoice_lines(invoice, wip_minor=wip_minor))

    def _check_lines(self, row: BilledRow, lines: Sequence[InvoiceLine]) -> None:
        if not lines:
            raise BooksError("AMOUNT", f"a {row.type} needs a line", "lines")
        self.check_tax_codes([line.tax_code for line in lines])
        billing.reckon_tax(lines, personality=self.personality, tax_codes=self.firm.tax_codes)

    def _total(self, row: BilledRow) -> None:
        net = sum(line.net_minor for line in row.lines)
        tax = sum(line.tax_minor or 0 for line in row.lines)
        for name, given, reckoned in (
            ("net", row.net_minor, net),
            ("tax", row.tax_minor, tax),
            ("total", row.total_minor, net + tax),
        ):
            if given and given != reckoned:
                raise BooksError("AMOUNT", f"{name} is {given}, its lines make {reckoned}", name)
        row.net_minor, row.tax_minor, row.total_minor = net, tax, net + tax

    def _check_standing(self, invoice: Invoice) -> None:
        if invoice.status == "cancelled":
            raise BooksError("STATUS", f"invoice {invoice.number} is cancelled", "invoice")

    def _credited(self, invoice: Invoice) -> int:
        return sum(
            memo.total_minor
            for memo in self._credits.get(invoice.vendor_id, ())
            if memo.status != "cancelled"
        )

    def _forget_billed(self, project: str) -> None:
        self._unbilled[project] = [row for row in self._unbilled[project] if not row.invoice]

    def _release(self, invoice: Invoice) -> None:
        for row_type in ("time", "expense", "milestone"):
            for row in self.store.rows(row_type):
                if isinstance(row, WorkRow) and row.invoice == invoice.vendor_id:
                    row.invoice = ""
                    self._touch(row)
                    self._unbilled.setdefault(row.project, []).append(row)


def bills_word(row: WorkRow) -> str:
    """The word of a contract line that bills such a row."""
    return {"time": "time", "expense": "expenses", "milestone": "milestones"}[row.type]


def work_day(row: WorkRow) -> date:
    """The day work was done, which `through` is compared with."""
    if isinstance(row, TimeRow):
        return row.work_date
    if isinstance(row, ExpenseRow):
        return row.expense_date
    assert isinstance(row, MilestoneRow)
    return row.completed_on


def _copied(line: InvoiceLine) -> InvoiceLine:
    return InvoiceLine(
        line=line.line,
        description=line.description,
        net_minor=line.net_minor,
        tax_code=line.tax_code,
        minutes=line.minutes,
        tax_minor=line.tax_minor,
        dims=dict(line.dims),
        source=line.source,
    )
