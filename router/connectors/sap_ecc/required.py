"""What this connector asks of a mapping file: every field name it writes or reads, by section. Pure.

Guarded by `tests/contract/test_sap_ecc_mapping.py`: each version of the shipped file covers it, and nothing in
the file is idle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from router.canonical.ledger import Account
from router.connectors.mapping import Table

_DIMS = ("department", "practice", "service_line", "cost_center")
_MILESTONE = (
    "project_id", "name", "contract_id", "contract_line", "amount", "currency", "accounting_date",
)  # fmt: skip
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "customer": (
        "name", "name_2", "name_3", "name_4", "address", "city", "postal_code", "country", "country_iso", "currency",
        "currency_iso", "email", "legal_entity",
    ),
    "contact": ("customer_id", "name", "email"),
    "rate_card": ("currency", "starts", "hourly", "key"),
    "contract": (
        "legal_entity", "starts", "ends", "purchase_order", "currency", "cancelled", "customer_id", "line", "description",
        "tax_code", "amount",
    ),
    "project": ("document_id", "name", "legal_entity", "currency", "starts", "ends", "status", "cancelled"),
    "task": ("document_id", "name", "billable"),
    "milestone": (*_MILESTONE, "completed_on"),
    "charge": (*_MILESTONE, "service_until"),
    "resource": (
        "legal_entity", "cost_center", "role", "department", "manager_id", "name", "weekly_minutes", "cost_rate", "currency",
        "email", "external_id", "employment",
    ),
    "assignment": (
        "external_id", "legal_entity", "accounting_date", "project_id", "resource_id", "role", "starts", "ends", "minutes",
    ),
    "billing_event": ("legal_entity", "contract_id", "accounting_date", "price_date", "through", "currency"),
    "accounting": (
        "legal_entity", "accounting_date", "document_date", "reference", "header_text", "customer_id", "invoice_id",
        "due_date", "account", "description", "tax_code", "project_id", "quantity", "unit", "currency", "amount",
    ),
    "revenue_schedule": (
        "external_id", "legal_entity", "accounting_date", "project_id", "contract_id", "contract_line", "currency", "method",
        "period", "amount",
    ),
}  # fmt: skip
"""Components of BAPI structures and field names of infotypes, by the kind they are written for."""
READ: Mapping[str, tuple[str, ...]] = {
    "KNA1": ("vendor_id", "external_id", "cancelled", "currency", "company"),
    "KNVK": ("vendor_id", "external_id", "company", "customer"),
    "KONH": ("vendor_id", "external_id"),
    "VBAK": ("vendor_id", "external_id", "cancelled", "company", "currency", "customer"),
    "ZVBAKV": ("contract", "contract_version", "external_id", "company", "date", "currency", "project"),
    "PROJ": ("vendor_id", "external_id", "cancelled", "company", "currency", "status", "customer", *_DIMS),
    "PRPS": ("vendor_id", "external_id", "company", "project"),
    "PA0105": ("vendor_id", "external_id", "subtype"),
    "ZPSASSIGN": ("vendor_id", "external_id", "company", "project", "hours"),
    "CATSDB": (
        "vendor_id", "external_id", "cancelled", "company", "date", "project", "hours", "bill_rate", "currency", *_DIMS,
    ),
    "COVP": (
        "number", "company", "year", "external_id", "cancelled", "date", "project", "amount", "currency", *_DIMS,
    ),
    "MLST": (
        "vendor_id", "external_id", "usage", "cancelled", "company", "date", "project", "amount", "currency", *_DIMS,
    ),
    "VBRK": (
        "vendor_id", "external_id", "cancelled", "company", "date", "customer", "project", "currency", "net", "tax", "terms",
        "exchange_rate",
    ),
    "VBRP": ("vendor_id", "line", "description", "quantity", "unit", "net", "tax", "tax_code", *_DIMS),
    "BKPF": ("number", "company", "year", "external_id", "type", "cancelled"),
    "BSID": (
        "number", "company", "year", "type", "date", "currency", "customer", "side", "amount", "tax", "project", "billing",
        "cancelled", "external_id",
    ),
    "BSIS": (
        "number", "company", "year", "type", "date", "line", "account", "side", "amount", "currency", "tax", "quantity",
        "unit", "tax_code", "description", "project", "external_id", "counterparty", *_DIMS,
    ),
    "ZREVPLAN": ("vendor_id", "external_id", "company", "date", "project", "currency", "amount"),
    "ZREVPLANP": ("vendor_id", "line", "period", "amount"),
}  # fmt: skip
"""Columns of tables."""
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "CATSDB": ("quantity", "unit"),
    "ZDLIBILL": (
        "vendor_id", "line", "company", "date", "source", "external_id", "quantity", "unit", "bill_rate", "amount",
    ),
}  # fmt: skip
"""Read where they are named: time in the unit it was recorded in, and the work that invoices billed."""
REQUIRED: Mapping[str, tuple[str, ...]] = {**WRITTEN, **READ}
TABLES: tuple[Table, ...] = (
    "accounts",
    "tax_codes",
    "entities",
    "departments",
    "practices",
    "service_lines",
    "cost_centers",
)
"""Tables of codes it asks."""
ACCOUNTS: tuple[str, ...] = get_args(Account)
"""Every account of the firm's chart: a journal entry may name any."""
