"""Billing documents as tables: VBRK headers, VBRP items, and ZDLIBILL, the work each item billed.

Resource-related billing keeps its dynamic items in AD01DLI and the sales document each went to, with quantity
and amount, in AD01DLIEF; VBFA leads from there to the billing document. ZDLIBILL is a database view of the
customer's over the three, as RFC_READ_TABLE joins nothing (that these tables hold it: SAP's data dictionary;
the view and its columns: unverified).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulators.core.money import rounded
from simulators.core.rows import ExpenseRow, Invoice, TimeRow, WorkRow
from simulators.erp.sap_ecc.formats import day_text, inside_amount
from simulators.erp.sap_ecc.table import DIM_COLUMNS, Getter, Hints, Table, columns, constant, dims, source
from simulators.erp.sap_ecc.work_tables import quantity as kept_quantity

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


def is_billing(row: Invoice) -> bool:
    """Whether an invoice is a billing document (VBRK) or was posted straight to FI."""
    return bool(row.extra.get("vbeln"))


SOURCES = {"time": "CATS", "expense": "COVP", "milestone": "MLST", "charge": "MLSC"}


def billed_work(ecc: Ecc) -> Table:
    """ZDLIBILL: a row for each piece of work on a billing document."""

    def rows(hints: Hints) -> Iterable[tuple[WorkRow, Invoice]]:
        for row_type in SOURCES:
            for row in ecc.books.rows(row_type):
                assert isinstance(row, WorkRow)
                if row.invoice and row.invoice in hints.get("VBELN", (row.invoice,)):
                    invoice = ecc.books.by_vendor_id("invoice", row.invoice)
                    assert isinstance(invoice, Invoice)
                    yield row, invoice

    def amount(row: WorkRow) -> tuple[str, str]:
        return kept_quantity(row) if isinstance(row, TimeRow) else ("1.000", "EA")

    def price(row: Any) -> int:
        if isinstance(row, TimeRow):
            return row.rate_minor
        return row.billed_minor if isinstance(row, ExpenseRow) else int(row.amount_minor)

    getters: dict[str, Getter] = {
        "VBELN": lambda pair: pair[1].vendor_id,
        "POSNR": lambda pair: f"{pair[0].invoice_line * 10:06d}",
        "BUKRS": lambda pair: ecc.bukrs(pair[0].entity),
        "FKDAT": lambda pair: day_text(pair[1].posting_date),
        "ZZSOURCE": lambda pair: SOURCES[pair[0].type],
        "ZZEXTID": lambda pair: pair[0].external_id,
        "TO_MEGBTR": lambda pair: amount(pair[0])[0],
        "MEINH": lambda pair: amount(pair[0])[1],
        "PRICE": lambda pair: inside_amount(price(pair[0])),
        "TO_WTGBTR": lambda pair: inside_amount(pair[0].taken_minor),
    }
    described = columns(
        "VBELN C10, POSNR N6, BUKRS C4, FKDAT D8, ZZSOURCE C4, ZZEXTID C70, TO_MEGBTR P15.3, MEINH C3, PRICE P16.2,"
        "TO_WTGBTR P16.2",
        getters,
    )
    return Table(described, rows)


def billing_tables(ecc: Ecc) -> dict[str, Table]:
    """VBRK, VBRP and ZDLIBILL."""
    headers = source(ecc, "invoice", "VBELN")

    def documents(hints: Hints) -> list[Invoice]:
        return [row for row in headers(hints) if is_billing(row)]

    def items(hints: Hints) -> Iterable[Any]:
        return ((row, line) for row in documents(hints) for line in row.lines)

    def quantity(pair: Any) -> str:
        thousandths = rounded(Fraction((pair[1].minutes or 0) * 1000, 60), "half_up")
        whole, part = divmod(abs(thousandths), 1000)
        return f"{whole}.{part:03d}" + ("-" if thousandths < 0 else "")

    def term(row: Invoice) -> str:
        assert row.due_date is not None
        return f"Z{(row.due_date - row.posting_date).days:03d}"

    vbrk: dict[str, Getter] = {
        "VBELN": lambda row: row.vendor_id,
        "FKART": constant("F2"),
        "FKDAT": lambda row: day_text(row.posting_date),
        "BUKRS": lambda row: ecc.bukrs(row.entity),
        "KUNRG": lambda row: row.customer,
        "WAERK": lambda row: row.currency,
        "NETWR": lambda row: inside_amount(row.net_minor),
        "MWSBK": lambda row: inside_amount(row.tax_minor),
        "ZTERM": term,
        "RFBSK": constant("C"),
        "FKSTO": lambda row: "X" if row.status == "cancelled" else "",
        "XBLNR": lambda row: str(row.extra.get("xblnr", "")),
        "PS_PSP_PNR": lambda row: row.project,
        "VGBEL": lambda row: row.contract,
        "ZZKURSF": lambda row: row.exchange_rate or "",
        "ZZEXTID": lambda row: row.external_id,
    }
    vbrp: dict[str, Getter] = {
        "VBELN": lambda pair: pair[0].vendor_id,
        "POSNR": lambda pair: f"{pair[1].line * 10:06d}",
        "ARKTX": lambda pair: pair[1].description[:40],
        "FKIMG": quantity,
        "VRKME": lambda pair: "" if pair[1].minutes is None else "H",
        "NETWR": lambda pair: inside_amount(pair[1].net_minor),
        "MWSBP": lambda pair: inside_amount(pair[1].tax_minor or 0),
        "ZZMWSKZ": lambda pair: ecc.mwskz(pair[1].tax_code),
        **dims(lambda pair: pair[1].dims),
    }
    return {
        "VBRK": Table(
            columns(
                "VBELN C10, FKART C4, FKDAT D8, BUKRS C4, KUNRG C10, WAERK C5, NETWR P16.2, MWSBK P16.2, ZTERM C4,"
                "RFBSK C1, FKSTO C1, XBLNR C16, PS_PSP_PNR C24, VGBEL C10, ZZKURSF C22, ZZEXTID C70",
                vbrk,
            ),
            documents,
        ),
        "VBRP": Table(
            columns(
                "VBELN C10, POSNR N6, ARKTX C40, FKIMG P16.3, VRKME C3, NETWR P16.2, MWSBP P16.2, ZZMWSKZ C2,"
                + DIM_COLUMNS,
                vbrp,
            ),
            items,
        ),
        "ZDLIBILL": billed_work(ecc),
    }
