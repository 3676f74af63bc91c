"""Which accounts a document moves. Pure: a row in, ledger lines out; each set balances.

Work raises work in progress against unbilled revenue at its bill rate; an invoice raises receivables
against revenue and tax and takes the work it bills out of progress again.
"""

from __future__ import annotations

from simulators.core import ledger
from simulators.core.ledger import LedgerLine
from simulators.core.rows import BilledRow, ExpenseRow, MilestoneRow, Payment, TimeRow


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


def milestone_lines(row: MilestoneRow) -> list[LedgerLine]:
    """Work in progress of a milestone's fee."""
    return _progress(row.wip_minor, row.currency, row.dims)


def invoice_lines(row: BilledRow, *, wip_minor: int) -> list[LedgerLine]:
    """Receivable, revenue by line and tax; `wip_minor` is the work in progress it bills."""
    return [
        LedgerLine(ledger.RECEIVABLES, row.total_minor, row.currency, row.number),
        *(
            LedgerLine(ledger.REVENUE, -line.net_minor, row.currency, line.description, line.dims)
            for line in row.lines
        ),
        LedgerLine(ledger.TAX_PAYABLE, -row.tax_minor, row.currency, row.number),
        *_progress(-wip_minor, row.currency, {}),
    ]


def credit_lines(row: BilledRow) -> list[LedgerLine]:
    """The opposite of an invoice, without work in progress."""
    return [
        LedgerLine(line.account, -line.minor, line.currency, line.text, line.dims)
        for line in invoice_lines(row, wip_minor=0)
    ]


def payment_lines(row: Payment) -> list[LedgerLine]:
    """Money in the bank for a receivable."""
    return [
        LedgerLine(ledger.CASH, row.amount_minor, row.currency, row.number),
        LedgerLine(ledger.RECEIVABLES, -row.amount_minor, row.currency, row.number),
    ]


def _progress(minor: int, currency: str, dims: dict[str, str]) -> list[LedgerLine]:
    if not minor:
        return []
    return [
        LedgerLine(ledger.WORK_IN_PROGRESS, minor, currency, "", dims),
        LedgerLine(ledger.UNBILLED_REVENUE, -minor, currency, "", dims),
    ]
