"""Accounting lines of documents that are no journal entries: what a trial balance is summed from.

Written when a query asks for them, since nearly none does. A document's lines are those its posting moved; what
took it back is on it too. Work in progress is posted from time records, by no transaction: it stands in none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulators.core.ledger import UNBILLED_REVENUE, WORK_IN_PROGRESS, Entry
from simulators.core.money import decimal_text
from simulators.core.rows import PostedRow
from simulators.erp.netsuite.account import Account

TYPES = ("invoice", "credit_memo", "payment", "write_off", "expense")
PROGRESS = (WORK_IN_PROGRESS, UNBILLED_REVENUE)
FIRST = 1_000_000_000
"""Unique keys from here on, so that they never meet those of journal lines."""
LINES_MAX = 1_000


def accounting_lines(account: Account, beyond: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of `transactionaccountingline` of ledger entries after one, by its number."""
    books = account.books
    owners = {
        row.entry: row.vendor_id
        for of in TYPES
        for row in books.rows(of)
        if isinstance(row, PostedRow) and row.entry
    }
    for entry in books.ledger.entries[beyond:]:
        transaction = owners.get(entry.reverses or entry.number)
        if transaction is not None:
            yield from _lines(entry, transaction)


def _lines(entry: Entry, transaction: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    assert len(entry.lines) < LINES_MAX
    for at, line in enumerate(entry.lines, start=1):
        if not line.minor or line.account in PROGRESS:
            continue
        yield (
            "transactionaccountingline",
            {
                "uniquekey": FIRST + entry.number * LINES_MAX + at,
                "transaction": int(transaction),
                "transactionline": at,
                "account": int(line.account),
                "debit" if line.minor >= 0 else "credit": decimal_text(abs(line.minor), line.currency),
                "amount": decimal_text(line.minor, line.currency),
                "posting": "T",
            },
        )
