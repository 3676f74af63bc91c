"""Billing documents read from VBRK and VBRP: the invoice a billing event made, in canonical form. Pure.

Rows have attributes as the mapping's sections of these tables name them, not columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from router.canonical.billing import BillingEvent, Invoice
from router.canonical.money import Money
from router.connectors.port import BilledWork
from router.connectors.sap_ecc.formats import (
    day_of,
    minutes_of,
    minutes_of_thousandths,
    of_stored,
    of_thousandths,
)
from router.connectors.sap_ecc.names import DIMENSIONS, Names

HEADER = (
    "vendor_id", "date", "company", "customer", "currency", "net", "tax", "terms", "cancelled", "project", "external_id",
    "exchange_rate",
)  # fmt: skip
ITEM = ("vendor_id", "line", "description", "quantity", "unit", "net", "tax", "tax_code", *DIMENSIONS)
BILLED = ("vendor_id", "line", "source", "external_id", "quantity", "unit", "bill_rate", "amount")
"""Of ZDLIBILL, a view over AD01DLI, AD01DLIEF and VBFA (its columns are the customer's: unverified)."""
SOURCES: Mapping[str, str] = {
    "CATS": "time_entry",
    "COVP": "expense_item",
    "MLST": "milestone",
    "MLSC": "charge",
}
Row = Mapping[str, str]


def work_of(rows: Sequence[Row]) -> tuple[BilledWork, ...]:
    """The work of one billing document, by item and id; raises ValueError, KeyError."""
    found = []
    for row in rows:
        kind = SOURCES[row["source"]]
        minutes, hundredths = kept_hours(row) if kind == "time_entry" else (None, None)
        found.append(
            BilledWork(
                kind=kind,
                external_id=row["external_id"],
                line=int(row["line"]) // 10,
                amount_minor=of_stored(row["amount"]),
                minutes=minutes,
                hundredths=hundredths,
                rate_minor=of_stored(row["bill_rate"]) if kind == "time_entry" else None,
            )
        )
    return tuple(sorted(found, key=lambda work: (work.line, work.kind, work.external_id)))


def kept_hours(row: Row) -> tuple[int, int | None]:
    """Minutes, and hundredths of hours where ECC keeps hours; raises ValueError for another unit."""
    thousandths = of_thousandths(row["quantity"])
    if row["unit"] == "MIN" and thousandths % 1000 == 0:
        return thousandths // 1000, None
    if row["unit"] != "H" or thousandths % 10:
        msg = f"{row['quantity']} {row['unit']} are neither hours with two decimals nor minutes"
        raise ValueError(msg)
    return minutes_of(thousandths // 10), thousandths // 10


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
