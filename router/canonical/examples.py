"""A valid example of every kind, for the default landscape: documentation, `coexist example`, tests."""

from __future__ import annotations

from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import KINDS, model_of, parse

_HEADER = {
    "legal_entity": "UK01",
    "region": "EMEA",
    "business_unit": "CONSULTING",
    "accounting_date": "2026-10-30",
}
_DIMENSIONS = {"department": "DELIVERY", "practice": "ADVISORY", "service_line": "CONSULTING"}
_GBP = {"currency": "GBP"}
_ON_PROJECT = {"project_id": "P-100"}
_LINE = {
    "line": 1,
    "description": "Professional services",
    "net": "1100.00",
    "tax_code": "GB-STD",
    "tax": "220.00",
}
_BILLED = {
    **_GBP, **_ON_PROJECT, "customer_id": "C-100", "contract_id": "K-100", "lines": [_LINE],
    "net": "1100.00", "tax": "220.00", "total": "1320.00",
}  # fmt: skip
_CONTRACT_LINE = {
    "line": 1, "bills": "time", "description": "Time and materials", "tax_code": "GB-STD", "service_line": "CONSULTING",
}  # fmt: skip

EXAMPLES: dict[str, dict[str, Any]] = {
    "customer": {**_GBP, "document_id": "C-100", "name": "Northwind Trading Ltd", "country": "GB"},
    "contact": {"document_id": "CT-100", "customer_id": "C-100", "name": "A. Archer", "email": "archer@example.com"},
    "opportunity": {
        **_GBP, "document_id": "OPP-100", "customer_id": "C-100", "customer_name": "Northwind Trading Ltd", "country": "GB",
        "name": "ERP advisory", "stage": "Closed Won", "won": True, "amount": "50000.00", "close_date": "2026-10-30",
    },
    "contract": {
        **_GBP, "document_id": "K-100", "customer_id": "C-100", "billing": "time_and_materials", "rate_card_id": "RC-UK01",
        "starts": "2026-10-01", "lines": [_CONTRACT_LINE],
    },
    "rate_card": {
        **_GBP, "document_id": "RC-UK01", "name": "UK standard",
        "rates": [{"role": "CONSULTANT", "hourly": "150.00", "starts": "2026-01-01"}],
    },
    "project": {
        **_GBP, **_DIMENSIONS, "document_id": "P-100", "customer_id": "C-100", "contract_id": "K-100", "name": "ERP advisory",
        "starts": "2026-10-01", "cost_center": "CC-UK01",
    },
    "task": {**_ON_PROJECT, "document_id": "TK-100", "name": "Design"},
    "resource": {
        **_GBP, "document_id": "R-100", "name": "B. Baker", "role": "CONSULTANT", "department": "DELIVERY",
        "cost_center": "CC-UK01", "cost_rates": [{"hourly": "70.00", "starts": "2026-01-01"}],
    },
    "assignment": {
        **_ON_PROJECT, "document_id": "AS-100", "resource_id": "R-100", "role": "CONSULTANT", "starts": "2026-10-01",
        "ends": "2026-12-31", "minutes": 28800,
    },
    "time_entry": {
        **_GBP, **_DIMENSIONS, **_ON_PROJECT, "document_id": "TE-100", "resource_id": "R-100", "work_date": "2026-10-30",
        "minutes": 440, "role": "CONSULTANT", "billable": True, "bill_rate": "150.00", "cost_center": "CC-UK01",
    },
    "expense_item": {
        **_GBP, **_DIMENSIONS, **_ON_PROJECT, "document_id": "EX-100", "resource_id": "R-100", "expense_date": "2026-10-29",
        "category": "TRAVEL", "billable": True, "amount": "84.20", "cost_center": "CC-UK01",
    },
    "milestone": {
        **_GBP, **_ON_PROJECT, "document_id": "MS-100", "contract_id": "K-100", "contract_line": 1, "name": "Design accepted",
        "amount": "12500.00", "completed_on": "2026-10-30",
    },
    "charge": {
        **_GBP, **_ON_PROJECT, "document_id": "CH-100", "contract_id": "K-100", "contract_line": 1,
        "name": "Managed service October 2026", "amount": "1500.00", "service_from": "2026-10-01", "service_until": "2026-10-31",
    },
    "change_order": {
        **_GBP, **_ON_PROJECT, "document_id": "CO-100", "contract_id": "K-100", "contract_version": 2,
        "effective": "2026-11-01", "reason": "Two more weeks", "lines": [_CONTRACT_LINE],
    },
    "billing_event": {
        **_GBP, **_ON_PROJECT, "document_id": "BE-100", "customer_id": "C-100", "contract_id": "K-100", "period": "2026-10",
        "through": "2026-10-31",
    },
    "invoice": {**_BILLED, "document_id": "INV-100", "due_date": "2026-11-29"},
    "credit_memo": {**_BILLED, "document_id": "CM-100", "invoice_id": "INV-100", "reason": "Goodwill"},
    "payment": {
        **_GBP, **_ON_PROJECT, "document_id": "PAY-100", "customer_id": "C-100", "invoice_id": "INV-100",
        "amount": "1320.00", "paid_on": "2026-10-30",
    },
    "write_off": {
        **_GBP, **_ON_PROJECT, "document_id": "WO-100", "customer_id": "C-100", "invoice_id": "INV-100", "amount": "20.00",
        "reason": "Bank charges not worth a reminder", "approved_by": "credit control",
    },
    "revenue_schedule": {
        **_GBP, **_ON_PROJECT, "document_id": "RS-100", "contract_id": "K-100", "method": "straight_line",
        "lines": [{"period": "2026-10", "amount": "25000.00"}, {"period": "2026-11", "amount": "25000.00"}],
    },
    "journal_entry": {
        **_GBP, "document_id": "JE-100", "purpose": "intercompany", "counterparty": "DE01", "source_id": "TE-100",
        "text": "Consultant of UK01 on a project of DE01",
        "lines": [{"line": 1, "account": "DUE_FROM", "amount": "560.00"},
                  {"line": 2, "account": "INTERCOMPANY_REVENUE", "amount": "-560.00"}],
    },
}  # fmt: skip


def example(kind: str) -> Document:
    """The example of a kind; raises BadInput for an unknown one."""
    model_of(kind)
    return parse({**_HEADER, **EXAMPLES[kind], "kind": kind})


def examples() -> list[Document]:
    """One of every kind, in the order of `KINDS`."""
    return [example(kind) for kind in KINDS]
