"""Billing documents read from VBRK and VBRP: the invoice a billing event made, in canonical form. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from router.canonical.billing import BillingEvent, Invoice
from router.canonical.money import Money
from router.connectors.sap_ecc.formats import day_of, minutes_of_thousandths, of_stored, of_thousandths
from router.connectors.sap_ecc.keys import Codes
from router.connectors.sap_ecc.payloads import DIMENSIONS

HEADER = (
    "VBELN", "FKDAT", "BUKRS", "KUNRG", "WAERK", "NETWR", "MWSBK", "ZTERM", "FKSTO", "PS_PSP_PNR", "ZZEXTID",
)  # fmt: skip
ITEM = ("VBELN", "POSNR", "ARKTX", "FKIMG", "VRKME", "NETWR", "MWSBP", "ZZMWSKZ", *DIMENSIONS.values())
Row = Mapping[str, str]


def line_of(item: Row, codes: Codes) -> dict[str, Any]:
    """A line with minor units, minutes and the landscape's tax code; raises ValueError."""
    minutes = minutes_of_thousandths(of_thousandths(item["FKIMG"])) if item["VRKME"] == "H" else None
    return {
        "line": int(item["POSNR"]) // 10,
        "description": item["ARKTX"],
        "minutes": minutes,
        "net_minor": of_stored(item["NETWR"]),
        "tax_minor": of_stored(item["MWSBP"]),
        "tax_code": codes.tax_code_of.get(item["ZZMWSKZ"], item["ZZMWSKZ"]),
        **{word: item[field] for word, field in DIMENSIONS.items() if item[field]},
    }


def invoice_of(event: BillingEvent, header: Row, items: Sequence[Row], codes: Codes) -> Invoice:
    """The canonical invoice; raises ValueError (pydantic's included) when the rows are no consistent invoice.

    The due date is the billing date plus the days of the payment term `Znnn`.
    """
    billed = day_of(header["FKDAT"])
    term = header["ZTERM"]
    if billed is None or not (term.startswith("Z") and term[1:].isdigit()):
        msg = f"billing document {header['VBELN']} without date or term"
        raise ValueError(msg)
    currency = header["WAERK"]
    lines = []
    for item in items:
        line = line_of(item, codes)
        net, tax = line.pop("net_minor"), line.pop("tax_minor")
        lines.append({**line, "net": Money(net, currency), "tax": Money(tax, currency)})
    net_minor, tax_minor = of_stored(header["NETWR"]), of_stored(header["MWSBK"])
    return Invoice.model_validate(
        {
            "kind": "invoice",
            "document_id": f"INV-{event.document_id}",
            "legal_entity": event.legal_entity,
            "region": event.region,
            "business_unit": event.business_unit,
            "accounting_date": billed,
            "customer_id": event.customer_id,
            "project_id": event.project_id,
            "contract_id": event.contract_id,
            "billing_event_id": event.document_id,
            "currency": currency,
            "number": header["VBELN"],
            "due_date": billed + timedelta(days=int(term[1:])),
            "status": "cancelled" if header["FKSTO"] == "X" else "posted",
            "lines": lines,
            "net": Money(net_minor, currency),
            "tax": Money(tax_minor, currency),
            "total": Money(net_minor + tax_minor, currency),
        }
    )
