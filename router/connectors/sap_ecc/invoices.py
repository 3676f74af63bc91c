"""Billing documents read from VBRK and VBRP: the invoice a billing event made, in canonical form. Pure.

Rows have attributes as the mapping's sections of these tables name them, not columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from router.canonical.billing import BillingEvent, Invoice
from router.canonical.money import Money
from router.connectors.sap_ecc.formats import day_of, minutes_of_thousandths, of_stored, of_thousandths
from router.connectors.sap_ecc.names import DIMENSIONS, Names

HEADER = (
    "vendor_id", "date", "company", "customer", "currency", "net", "tax", "terms", "cancelled", "project", "external_id",
    "exchange_rate",
)  # fmt: skip
ITEM = ("vendor_id", "line", "description", "quantity", "unit", "net", "tax", "tax_code", *DIMENSIONS)
Row = Mapping[str, str]


def line_of(item: Row, names: Names) -> dict[str, Any]:
    """A line with minor units, minutes and our codes; raises ValueError."""
    minutes = minutes_of_thousandths(of_thousandths(item["quantity"])) if item["unit"] == "H" else None
    return {
        "line": int(item["line"]) // 10,
        "description": item["description"],
        "minutes": minutes,
        "net_minor": of_stored(item["net"]),
        "tax_minor": of_stored(item["tax"]),
        "tax_code": names.ours("tax_codes", item["tax_code"]),
        **coding_of(item, names),
    }


def coding_of(row: Row, names: Names) -> dict[str, str]:
    """Our codes of the dimensions a row has."""
    return {word: names.ours(table, row[word]) for word, table in DIMENSIONS.items() if row.get(word)}


def invoice_of(event: BillingEvent, header: Row, items: Sequence[Row], names: Names) -> Invoice:
    """The canonical invoice; raises ValueError (pydantic's included) when the rows are no consistent invoice.

    The due date is the billing date plus the days of the payment term `Znnn`.
    """
    billed = day_of(header["date"])
    term = header["terms"]
    if billed is None or not (term.startswith("Z") and term[1:].isdigit()):
        msg = f"billing document {header['vendor_id']} without date or term"
        raise ValueError(msg)
    currency = header["currency"]
    lines = []
    for item in items:
        line = line_of(item, names)
        net, tax = line.pop("net_minor"), line.pop("tax_minor")
        lines.append({**line, "net": Money(net, currency), "tax": Money(tax, currency)})
    net_minor, tax_minor = of_stored(header["net"]), of_stored(header["tax"])
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
            "number": header["vendor_id"],
            "due_date": billed + timedelta(days=int(term[1:])),
            "status": "cancelled" if header["cancelled"] == "X" else "posted",
            "exchange_rate": header["exchange_rate"] or None,
            "lines": lines,
            "net": Money(net_minor, currency),
            "tax": Money(tax_minor, currency),
            "total": Money(net_minor + tax_minor, currency),
        }
    )
