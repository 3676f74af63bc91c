"""FI documents as tables: BKPF headers, BSID open and BSAD cleared customer items, BSIS revenue items and ledger entries.

A billing document is here too, under its VBELN in BSID/BSAD; its accounting document has the same number
(a common customizing). A receivable whose invoice is fully paid is cleared with all that paid it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulators.core.money import rounded
from simulators.core.rows import (
    BilledRow,
    CreditMemo,
    EntryLine,
    Invoice,
    InvoiceLine,
    JournalEntry,
    Payment,
    PostedRow,
    WriteOff,
)
from simulators.erp.sap_ecc.billing_tables import is_billing
from simulators.erp.sap_ecc.formats import day_text, inside_amount
from simulators.erp.sap_ecc.table import DIM_COLUMNS, Getter, Hints, Source, Table, columns, created, dims

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc

RECEIVABLE_TYPES = ("invoice", "credit_memo", "payment", "write_off")
REVENUE = "400000"


_TYPES = {"credit_memo": "DG", "payment": "DZ", "write_off": "DA", "expense": "KR", "journal_entry": "SA"}


def document_type(row: PostedRow) -> str:
    """BLART: RV billing, DR invoice, DG credit memo, DZ payment, DA write-off, KR expense, SA ledger entry."""
    if isinstance(row, Invoice):
        return "RV" if is_billing(row) else "DR"
    return _TYPES[row.type]


def _source(ecc: Ecc, types: tuple[str, ...]) -> Source:
    def rows(hints: Hints) -> Iterable[Any]:
        books = ecc.books
        if "ZZEXTID" in hints:
            return [row for of in types for value in hints["ZZEXTID"] for row in books.all_of(of, value)]
        return [row for of in types for row in books.rows(of)]

    return rows


def _head(ecc: Ecc) -> dict[str, Getter]:
    return {
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "BELNR": lambda row: row.number,
        "GJAHR": lambda row: f"{row.posting_date.year:04d}",
        "BLART": document_type,
        "BUDAT": lambda row: day_text(row.posting_date),
        "WAERS": lambda row: row.currency,
        "XBLNR": lambda row: str(row.extra.get("xblnr", "")),
        "ZZEXTID": lambda row: row.external_id,
    }


_HEAD = "BUKRS C4, BELNR C10, GJAHR N4, BLART C2, BUDAT D8, WAERS C5, XBLNR C16, ZZEXTID C70"


def bkpf(ecc: Ecc) -> Table:
    """Document headers."""
    getters: dict[str, Getter] = {
        **_head(ecc),
        "AWTYP": lambda row: "VBRK" if document_type(row) == "RV" else "BKPFF",
        "AWKEY": lambda row: row.vendor_id,
        "STBLG": lambda row: "X" if row.status == "cancelled" else "",
        "USNAM": lambda row: row.created_by,
        "CPUDT": created,
        "CPUTM": lambda row: row.created_at[11:19].replace(":", ""),
    }
    text = f"{_HEAD}, AWTYP C5, AWKEY C20, STBLG C10, USNAM C12, CPUDT D8, CPUTM C6"
    return Table(columns(text, getters), _source(ecc, (*RECEIVABLE_TYPES, "expense", "journal_entry")))


def bsid(ecc: Ecc, *, cleared: bool) -> Table:
    """Customer items: BSID, or BSAD when cleared."""
    every = _source(ecc, RECEIVABLE_TYPES)

    def is_cleared(row: PostedRow) -> bool:
        invoice = (
            row
            if isinstance(row, Invoice)
            else ecc.books.by_vendor_id("invoice", getattr(row, "invoice", ""))
        )
        return row.status == "cancelled" or (isinstance(invoice, Invoice) and invoice.open_minor == 0)

    def rows(hints: Hints) -> Iterable[Any]:
        return (row for row in every(hints) if is_cleared(row) == cleared)

    def amount(row: PostedRow) -> str:
        minor = row.amount_minor if isinstance(row, Payment | WriteOff) else getattr(row, "total_minor", 0)
        return inside_amount(abs(minor))

    def debit(row: PostedRow) -> str:
        positive = getattr(row, "total_minor", 0) >= 0
        return ("S" if positive else "H") if isinstance(row, Invoice) else ("H" if positive else "S")

    def refers(row: PostedRow) -> str:
        return row.invoice if isinstance(row, CreditMemo | Payment | WriteOff) else ""

    getters: dict[str, Getter] = {
        **_head(ecc),
        "KUNNR": lambda row: row.customer,
        "SHKZG": debit,
        "WRBTR": amount,
        "WMWST": lambda row: inside_amount(abs(getattr(row, "tax_minor", 0))),
        "ZUONR": refers,
        "VBELN": lambda row: row.vendor_id if document_type(row) == "RV" else "",
        "PROJK": lambda row: row.project,
        "ZFBDT": lambda row: day_text(getattr(row, "due_date", None) or row.posting_date),
        "STBLG": lambda row: "X" if row.status == "cancelled" else "",
        "SGTXT": lambda row: str(getattr(row, "reason", "") or getattr(row, "reference", ""))[:50],
    }
    text = (
        f"{_HEAD}, KUNNR C10, SHKZG C1, WRBTR P16.2, WMWST P16.2, ZUONR C18, VBELN C10, PROJK C24, ZFBDT D8,"
        "STBLG C10, SGTXT C50"
    )
    return Table(columns(text, getters), rows)


@dataclass(frozen=True, slots=True)
class _Item:
    """A G/L item of a document: what BSIS shows of an invoice's line or an entry's."""

    row: PostedRow
    number: int
    account: str
    minor: int
    """Debit positive."""
    line: InvoiceLine | EntryLine

    @property
    def minutes(self) -> int | None:
        return self.line.minutes if isinstance(self.line, InvoiceLine) else None


def _gl_items(row: PostedRow) -> Iterable[_Item]:
    if isinstance(row, JournalEntry):
        for n, entry in enumerate(row.lines, start=1):
            yield _Item(row, n, entry.account, entry.minor, entry)
    elif isinstance(row, BilledRow) and document_type(row) != "RV":
        sign = 1 if isinstance(row, CreditMemo) else -1
        for line in row.lines:
            yield _Item(row, line.line + 1, REVENUE, sign * line.net_minor, line)


def bsis(ecc: Ecc) -> Table:
    """G/L items: revenue of invoices and credit memos posted straight to FI, and lines of ledger entries."""
    types = {"DR": "invoice", "DG": "credit_memo", "SA": "journal_entry"}

    def rows(hints: Hints) -> Iterable[Any]:
        asked = [types[of] for of in hints.get("BLART", tuple(types)) if of in types]
        return (item for row in _source(ecc, tuple(asked))(hints) for item in _gl_items(row))

    def quantity(item: _Item) -> str:
        thousandths = rounded(Fraction((item.minutes or 0) * 1000, 60), "half_up")
        whole, part = divmod(abs(thousandths), 1000)
        return f"{whole}.{part:03d}" + ("-" if thousandths < 0 else "")

    def text_of(item: _Item) -> str:
        return item.line.description if isinstance(item.line, InvoiceLine) else item.line.text

    def partner(item: _Item) -> str:
        other = item.row.counterparty if isinstance(item.row, JournalEntry) else ""
        return ecc.bukrs(other) if other else ""

    head = _head(ecc)
    getters: dict[str, Getter] = {
        **{name: _of_header(head[name]) for name in head},
        "BUZEI": lambda item: f"{item.number:03d}",
        "HKONT": lambda item: item.account.rjust(10, "0"),
        "SHKZG": lambda item: "S" if item.minor >= 0 else "H",
        "WRBTR": lambda item: inside_amount(abs(item.minor)),
        "ZZTAX": lambda item: inside_amount(getattr(item.line, "tax_minor", 0) or 0),
        "MENGE": quantity,
        "MEINS": lambda item: "" if item.minutes is None else "H",
        "MWSKZ": lambda item: ecc.mwskz(getattr(item.line, "tax_code", "")),
        "SGTXT": lambda item: text_of(item)[:50],
        "PROJK": lambda item: item.row.project,
        "VBUND": partner,
        **dims(lambda item: item.line.dims),
    }
    text = (
        f"{_HEAD}, BUZEI N3, HKONT C10, SHKZG C1, WRBTR P16.2, ZZTAX P16.2, MENGE P16.3, MEINS C3, MWSKZ C2, SGTXT C50,"
        f"PROJK C24, VBUND C6, {DIM_COLUMNS}"
    )
    return Table(columns(text, getters), rows)


def _of_header(getter: Getter) -> Getter:
    return lambda item: getter(item.row)
