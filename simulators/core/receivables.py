"""Receivables: invoices given line by line, credit memos, payments, write-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from simulators.core import billing, ledger, posting
from simulators.core.bookkeeping import BooksError
from simulators.core.invoicing import Invoicing
from simulators.core.money import rounded
from simulators.core.rows import (
    BilledRow,
    CreditMemo,
    Customer,
    Invoice,
    InvoiceLine,
    Payment,
    Project,
    Settling,
    WriteOff,
)


class Receivables(Invoicing):
    """What customers are asked to pay, and what they paid."""

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
        return self._keep_invoice(invoice, wip_minor=0, wip_base_minor=0)

    def add_credit_memo(
        self, memo: CreditMemo, *, allow_duplicate: bool = False, rest_on_account: bool = False
    ) -> CreditMemo:
        """Credit an invoice, whole (no lines) or in part; amounts are positive. Raises AMOUNT beyond the invoice.

        With `rest_on_account` what is beyond it is kept on the customer's account instead.
        """
        invoice = self.require(Invoice, memo.invoice)
        self.check_currency(memo.currency, invoice.currency)
        memo.invoice, memo.customer, memo.contract = invoice.vendor_id, invoice.customer, invoice.contract
        memo.project, memo.entity, memo.currency = invoice.project, invoice.entity, invoice.currency
        self._check_new(memo, allow_duplicate=allow_duplicate)
        self._check_standing(invoice)
        if not memo.lines:
            memo.lines = [replace(line, dims=dict(line.dims)) for line in invoice.lines]
        billed = {line.line: line for line in invoice.lines}
        for line in memo.lines:
            # It takes back what the line of the same number credited; of a line the invoice has not, what all did.
            line.deferred = all(one.deferred for one in invoice.lines)
            if line.line in billed:
                of = billed[line.line]
                line.deferred, line.contract, line.contract_line = of.deferred, of.contract, of.contract_line
        self._check_lines(memo, memo.lines)
        self._total(memo)
        left = invoice.total_minor - self._credited(invoice)
        if memo.total_minor < 0 or (memo.total_minor > left and not rest_on_account):
            raise BooksError("AMOUNT", f"credit {memo.total_minor} of {left} creditable", "total")
        self.fix_rate(memo, memo.exchange_rate, like=invoice)
        self._name(memo)
        self._apply(memo, invoice, memo.total_minor)
        self._keep(memo, posting.credit_lines(memo), rest_to=ledger.FX_DIFFERENCE)
        self._credits.setdefault(invoice.vendor_id, []).append(memo)
        self._count_billed(memo, -1)
        return memo

    def add_payment(
        self, payment: Payment, *, allow_duplicate: bool = False, rest_on_account: bool = False
    ) -> Payment:
        """Receive money for an invoice; raises AMOUNT when it is not positive or more than is open.

        With `rest_on_account` what is more than open is kept on the customer's account instead.
        """
        invoice = self._invoice_of(payment, allow_duplicate=allow_duplicate)
        most = payment.amount_minor if rest_on_account else invoice.open_minor
        if not 0 < payment.amount_minor <= most:
            raise BooksError(
                "AMOUNT", f"payment {payment.amount_minor} of {invoice.open_minor} open", "amount"
            )
        self.fix_rate(payment, payment.exchange_rate)
        self._name(payment)
        self._apply(payment, invoice, payment.amount_minor)
        return self._keep(payment, posting.payment_lines(payment), rest_to=ledger.FX_DIFFERENCE)

    def add_write_off(self, row: WriteOff, *, allow_duplicate: bool = False) -> WriteOff:
        """Give up what is open of an invoice, or part of it, as bad debt; raises AMOUNT as `add_payment`."""
        invoice = self._invoice_of(row, allow_duplicate=allow_duplicate)
        if not 0 < row.amount_minor <= invoice.open_minor:
            message = f"write-off {row.amount_minor} of {invoice.open_minor} open"
            raise BooksError("AMOUNT", message, "amount")
        self.fix_rate(row, row.exchange_rate, like=invoice)
        self._name(row)
        self._apply(row, invoice, row.amount_minor)
        return self._keep(row, posting.write_off_lines(row), rest_to=ledger.FX_DIFFERENCE)

    def cancel_receivable(self, row: Invoice | Settling, on: date) -> None:
        """Reverse an invoice (its work may be billed again) or what lowered what is open of one; raises STATUS."""
        self.check_period(row.entity, on)
        if isinstance(row, Invoice):
            if row.open_minor != row.total_minor:
                raise BooksError("STATUS", f"invoice {row.number} has payments or credits", "status")
            row.open_minor = row.open_base_minor = 0
            self._count_billed(row, -1)
            self._release(row)
        else:
            if isinstance(row, CreditMemo):
                self._count_billed(row, 1)
            invoice = self.require(Invoice, row.invoice)
            self._settle_invoice(invoice, row.applied_minor, row.applied_base_minor)
        self._reverse(row, on)

    def _invoice_of(self, row: Payment | WriteOff, *, allow_duplicate: bool) -> Invoice:
        invoice = self.require(Invoice, row.invoice)
        self.check_currency(row.currency, invoice.currency)
        row.invoice, row.customer, row.project = invoice.vendor_id, invoice.customer, invoice.project
        row.entity, row.currency = invoice.entity, invoice.currency
        self._check_new(row, allow_duplicate=allow_duplicate)
        self._check_standing(invoice)
        return invoice

    def _apply(self, row: Settling, invoice: Invoice, amount_minor: int) -> None:
        """Lowers what is open; in the company's currency by its part of what is open there, so that nothing stays."""
        row.applied_minor = min(amount_minor, invoice.open_minor)
        if row.applied_minor == invoice.open_minor:
            row.applied_base_minor = invoice.open_base_minor
        else:
            part = Fraction(invoice.open_base_minor * row.applied_minor, invoice.open_minor)
            row.applied_base_minor = rounded(part, "half_up")
        self._settle_invoice(invoice, -row.applied_minor, -row.applied_base_minor)

    def _check_lines(self, row: BilledRow, lines: Sequence[InvoiceLine]) -> None:
        if not lines:
            raise BooksError("AMOUNT", f"a {row.type} needs a line", "lines")
        self.check_tax_codes([line.tax_code for line in lines])
        billing.reckon_tax(lines, personality=self.personality, tax_codes=self.firm.tax_codes)

    def _check_standing(self, invoice: Invoice) -> None:
        if invoice.status == "cancelled":
            raise BooksError("STATUS", f"invoice {invoice.number} is cancelled", "invoice")

    def _credited(self, invoice: Invoice) -> int:
        return sum(
            memo.total_minor
            for memo in self._credits.get(invoice.vendor_id, ())
            if memo.status != "cancelled"
        )
