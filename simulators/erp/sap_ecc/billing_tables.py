"""Billing documents as tables: VBRK headers and VBRP items."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulators.core.money import rounded
from simulators.core.rows import Invoice
from simulators.erp.sap_ecc.formats import day_text, inside_amount
from simulators.erp.sap_ecc.table import DIM_COLUMNS, Getter, Hints, Table, columns, constant, dims, source

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


def is_billing(row: Invoice) -> bool:
    """Whether an invoice is a billing document (VBRK) or was posted straight to FI."""
    return bool(row.extra.get("vbeln"))


def billing_tables(ecc: Ecc) -> dict[str, Table]:
    """VBRK and VBRP."""
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
    }
