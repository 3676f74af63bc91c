"""Items of accounting documents read from BSID, BSAD and BSIS. Pure.

BSIS holds the G/L items: revenue of invoices and credit memos that were posted straight to FI, and every
line of a ledger entry. Rows have attributes as the mapping's sections name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.connectors.sap_ecc.formats import minutes_of_thousandths, of_stored, of_thousandths
from router.connectors.sap_ecc.invoices import coding_of
from router.connectors.sap_ecc.names import DIMENSIONS, Names

Row = Mapping[str, str]
TYPES: Mapping[str, str] = {"invoice": "DR", "credit_memo": "DG", "payment": "DZ", "write_off": "DA"}
"""Document types of what moves a customer's account."""
ITEM = (
    "company", "number", "year", "date", "currency", "customer", "side", "amount", "tax", "project", "cancelled", "external_id",
)  # fmt: skip
REVENUE = (
    "company", "number", "year", "line", "side", "amount", "tax", "quantity", "unit", "tax_code", "description", *DIMENSIONS,
)  # fmt: skip
ENTRY = (
    "company", "number", "year", "date", "line", "account", "side", "amount", "currency", "description", "project",
    "external_id", "counterparty", *DIMENSIONS,
)  # fmt: skip


def revenue_line(item: Row, usual: str, names: Names) -> dict[str, Any]:
    """A line of a document whose customer item usually stands on the side `usual`; raises ValueError."""
    # Revenue stands on the other side than the customer.
    sign = 1 if item["side"] != usual else -1
    minutes = minutes_of_thousandths(of_thousandths(item["quantity"])) if item["unit"] == "H" else None
    return {
        "line": int(item["line"]) - 1,
        "description": item["description"],
        "minutes": minutes,
        "net_minor": sign * of_stored(item["amount"]),
        "tax_minor": of_stored(item["tax"]),
        "tax_code": names.ours("tax_codes", item["tax_code"]),
        **coding_of(item, names),
    }


def entry_line(item: Row, names: Names) -> dict[str, Any]:
    """A line of a ledger entry, debit positive, its account by our name; raises ValueError."""
    sign = 1 if item["side"] == "S" else -1
    found = {
        "line": int(item["line"]),
        "account": names.ours("accounts", item["account"].lstrip("0")),
        "description": item["description"],
        "net_minor": sign * of_stored(item["amount"]),
        **coding_of(item, names),
    }
    if item["counterparty"]:
        found["counterparty"] = names.ours("entities", item["counterparty"])
    return found
