"""Which accounts a document moves. Pure: a row in, ledger lines out; each set balances.

Work raises work in progress against unbilled revenue at its bill rate; an invoice raises receivables
against revenue and tax and takes the work it bills out of progress again. What is billed ahead of its
service credits deferred revenue instead and never was in progress.
"""

from __future__ import annotations

from dataclasses import replace

from simulators.core import ledger
from simulators.core.ledger import LedgerLine
from simulators.core.rows import (
    BilledRow,
    ChargeRow,
    CreditMemo,
    ExpenseRow,
    InvoiceLine,
    JournalEntry,
    MilestoneRow,
    Payment,
    TimeRow,
    WriteOff,
)


def time_lines(row: TimeRow) -> list[LedgerLine]:
    """Work in progress of a billable time row, at its rounded value; nothing for other time."""
    return _progress(row.wip_minor, row.currency, row.dims)


def expense_lines(row: ExpenseRow) -> list[LedgerLine]:
    """The cost owed to the employee, and work in progress when it is billable."""
    return [
        LedgerLine(ledger.PROJECT_EXPENSE, row.amount_minor, row.currency, row.category, row.dims),
        LedgerLine(ledger.EMPLOYEE_PAYABLE, -row.amount_minor, row.currency, row.category),
        *_progress(row.wip_minor, row.currency, row.dims),
    ]


def fee_lines(row: MilestoneRow | ChargeRow) -> list[LedgerLine]:
    """Work in progress of a milestone's or charge's fee; nothing where its revenue is deferred."""
    return _progress(row.wip_minor, row.currency, row.dims)


def invoice_lines(row: BilledRow, *, wip_minor: int, wip_base_minor: int) -> list[LedgerLine]:
    """Receivable, revenue or deferred revenue by line, and tax; `wip_…` is the work in progress it bills."""
    lines = [
        LedgerLine(ledger.RECEIVABLES, row.total_minor, row.currency, row.number),
        *(
            LedgerLine(_credited(line), -line.net_minor, row.currency, line.description, line.dims)
            for line in row.lines
        ),
        LedgerLine(ledger.TAX_PAYABLE, -row.tax_minor, row.currency, row.number),
    ]
    # Progress leaves at the rates it came in at, so that none stays behind in the company's currency.
    for line in _progress(-wip_minor, row.currency, {}):
        base = wip_base_minor if line.account == ledger.UNBILLED_REVENUE else -wip_base_minor
        lines.append(replace(line, base_minor=base, carried=True))
    return lines


def credit_lines(row: CreditMemo) -> list[LedgerLine]:
    """The opposite of an invoice, without work in progress; the receivable it lowers, at the invoice's rate."""
    first, *others = (
        replace(line, minor=-line.minor) for line in invoice_lines(row, wip_minor=0, wip_base_minor=0)
    )
    return [*_cleared(first, row.applied_minor, row.applied_base_minor), *others]


def payment_lines(row: Payment) -> list[LedgerLine]:
    """Money in the bank for a receivable, which is cleared at the invoice's rate."""
    receivable = LedgerLine(ledger.RECEIVABLES, -row.amount_minor, row.currency, row.number)
    return [
        LedgerLine(ledger.CASH, row.amount_minor, row.currency, row.number),
        *_cleared(receivable, row.applied_minor, row.applied_base_minor),
    ]


def write_off_lines(row: WriteOff) -> list[LedgerLine]:
    """Bad debt for a receivable, which is cleared at the invoice's rate."""
    receivable = LedgerLine(ledger.RECEIVABLES, -row.amount_minor, row.currency, row.number)
    return [
        LedgerLine(ledger.BAD_DEBT, row.amount_minor, row.currency, row.reason),
        *_cleared(receivable, row.applied_minor, row.applied_base_minor),
    ]


def entry_lines(row: JournalEntry) -> list[LedgerLine]:
    """A journal entry's own lines."""
    return [
        LedgerLine(line.account, line.minor, row.currency, line.text or row.text, line.dims)
        for line in row.lines
    ]


def _credited(line: InvoiceLine) -> str:
    return ledger.DEFERRED_REVENUE if line.deferred else ledger.REVENUE


def _cleared(line: LedgerLine, applied_minor: int, applied_base_minor: int) -> list[LedgerLine]:
    """A credit of receivables as what clears the invoice, and what is beyond that."""
    beyond = -line.minor - applied_minor
    cleared = replace(line, minor=-applied_minor, base_minor=-applied_base_minor, carried=True)
    if not beyond:
        return [cleared]
    return [cleared, replace(line, minor=-beyond)] if applied_minor else [line]


def _progress(minor: int, currency: str, dims: dict[str, str]) -> list[LedgerLine]:
    if not minor:
        return []
    return [
        LedgerLine(ledger.WORK_IN_PROGRESS, minor, currency, "", dims),
        LedgerLine(ledger.UNBILLED_REVENUE, -minor, currency, "", dims),
    ]
