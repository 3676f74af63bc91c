"""Every name the connector writes or reads by: a version that lacks one refuses documents of that kind. Pure.

A group is a kind or a part of one; `…columns` are those of SuiteQL. The shipped mapping must cover all of it.
"""

from __future__ import annotations

from collections.abc import Mapping

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "customer": (
        "document_id", "legal_entity", "name", "currency", "email", "tax_registration",
        "payment_terms_days", "parent_id", "status", "addresses", "country", "address", "city",
        "postal_code",
    ),
    "customer.columns": ("document_id", "legal_entity", "number", "currency", "status"),
    "contact": ("document_id", "legal_entity", "name", "first_name", "last_name", "email", "customer_id"),
    "contact.columns": ("document_id", "legal_entity", "customer_id", "status"),
    "rate_card": ("document_id", "legal_entity", "name", "rates"),
    "rate_card.rates": ("role", "currency", "hourly", "starts", "resource_id"),
    "rate_card.columns": ("document_id",),
    "contract": (
        "document_id", "legal_entity", "customer_id", "currency", "starts", "ends",
        "purchase_order", "billing", "rate_card_id", "contract_version", "engagement_id",
        "group_by", "rate_type", "exchange_rate", "status", "lines",
    ),
    "contract.lines": (
        "line", "bills", "description", "tax_code", "service_line", "fee", "cap",
        "markup_basis_points", "revenue", "starts", "ends",
    ),
    "contract.columns": ("document_id", "status"),
    "project": (
        "document_id", "legal_entity", "name", "customer_id", "contract_id", "currency", "starts",
        "ends", "status", "cancelled", "department", "service_line", "practice", "cost_center",
    ),
    "project.columns": (
        "document_id", "legal_entity", "number", "currency", "customer_id", "status", "cancelled",
        "department", "service_line", "practice", "cost_center",
    ),
    "task": ("document_id", "project_id", "name", "billable"),
    "task.columns": ("document_id", "project_id"),
    "resource": (
        "document_id", "number", "legal_entity", "first_name", "last_name", "email", "role",
        "department", "currency", "cost_rate", "cost_center", "manager_id", "weekly_minutes",
        "hired_on", "left_on",
    ),
    "resource.columns": ("document_id",),
    "assignment": ("document_id", "project_id", "resource_id", "minutes", "unit", "starts", "ends", "role"),
    "assignment.columns": ("document_id", "project_id", "minutes"),
    "time_entry": (
        "document_id", "legal_entity", "project_id", "task_id", "resource_id", "work_date",
        "minutes", "role", "bill_rate", "billable", "notes", "department", "service_line",
        "practice", "cost_center", "accounting_date", "adjusts", "part_of", "covered_by",
    ),
    "time_entry.columns": (
        "document_id", "legal_entity", "accounting_date", "project_id", "minutes", "bill_rate",
        "department", "service_line", "practice", "cost_center",
    ),
    "expense_item": ("document_id", "legal_entity", "resource_id", "accounting_date", "currency", "lines"),
    "expense_item.lines": (
        "category", "expense_date", "amount", "currency", "project_id", "billable", "notes",
        "department", "service_line", "practice", "cost_center", "bill_amount", "adjusts",
        "part_of",
    ),
    "expense_item.columns": ("document_id", "number", "accounting_date", "currency"),
    "expense_item.line_columns": (
        "legal_entity", "amount", "project_id", "department", "service_line", "practice",
        "cost_center",
    ),
    "milestone": (
        "document_id", "legal_entity", "kind", "project_id", "contract_id", "contract_line",
        "amount", "currency", "completed_on", "name", "status", "accounting_date",
    ),
    "milestone.columns": (
        "document_id", "legal_entity", "kind", "project_id", "amount", "currency",
        "accounting_date",
    ),
    "charge": (
        "document_id", "legal_entity", "kind", "project_id", "contract_id", "contract_line",
        "amount", "currency", "completed_on", "name", "status", "accounting_date", "service_from",
        "service_until",
    ),
    "charge.columns": (
        "document_id", "legal_entity", "kind", "project_id", "amount", "currency",
        "accounting_date",
    ),
    "change_order": (
        "document_id", "legal_entity", "contract_id", "project_id", "currency", "contract_version",
        "effective", "ends", "reason", "accounting_date", "lines",
    ),
    "change_order.lines": (
        "line", "bills", "description", "tax_code", "service_line", "fee", "cap",
        "markup_basis_points", "revenue", "starts", "ends",
    ),
    "change_order.columns": ("document_id", "legal_entity", "project_id", "currency", "accounting_date"),
    "billing_event": (
        "document_id", "accounting_date", "project_id", "through", "with_projects", "exchange_rate",
    ),
    "invoice": (
        "document_id", "legal_entity", "customer_id", "project_id", "contract_id", "currency",
        "accounting_date", "exchange_rate", "lines", "due_date", "rebills", "number", "status",
        "net", "tax", "total",
    ),
    "invoice.lines": (
        "line", "item", "description", "net", "tax_code", "tax", "minutes", "department",
        "service_line", "practice", "cost_center",
    ),
    "invoice.columns": (
        "document_id", "number", "status", "accounting_date", "total", "currency", "customer_id",
        "project_id", "legal_entity",
    ),
    "invoice.line_columns": (
        "line", "description", "net", "tax", "minutes", "tax_code", "department", "service_line",
        "practice", "cost_center",
    ),
    "credit_memo": (
        "document_id", "legal_entity", "customer_id", "project_id", "contract_id", "currency",
        "accounting_date", "exchange_rate", "lines", "reason", "applied_to",
    ),
    "credit_memo.lines": (
        "line", "item", "description", "net", "tax_code", "tax", "minutes", "department",
        "service_line", "practice", "cost_center",
    ),
    "credit_memo.columns": (
        "document_id", "number", "status", "accounting_date", "total", "currency", "customer_id",
        "project_id", "legal_entity", "is_write_off",
    ),
    "credit_memo.line_columns": (
        "line", "description", "net", "tax", "minutes", "tax_code", "department", "service_line",
        "practice", "cost_center",
    ),
    "payment": (
        "document_id", "customer_id", "legal_entity", "currency", "amount", "accounting_date",
        "bank_reference", "exchange_rate", "applied_to",
    ),
    "payment.columns": (
        "document_id", "number", "status", "accounting_date", "total", "currency", "customer_id",
        "project_id", "legal_entity",
    ),
    "write_off": (
        "document_id", "legal_entity", "customer_id", "project_id", "currency", "accounting_date",
        "reason", "approved_by", "is_write_off", "lines", "applied_to",
    ),
    "write_off.lines": ("line", "item", "description", "amount"),
    "write_off.columns": (
        "document_id", "number", "status", "accounting_date", "total", "currency", "customer_id",
        "project_id", "legal_entity", "is_write_off",
    ),
    "revenue_schedule": (
        "document_id", "legal_entity", "contract_id", "contract_line", "project_id", "currency",
        "method", "accounting_date", "lines",
    ),
    "revenue_schedule.lines": ("period", "amount"),
    "revenue_schedule.columns": (
        "document_id", "legal_entity", "project_id", "currency", "accounting_date",
    ),
    "revenue_schedule.line_columns": ("schedule", "period", "amount"),
    "journal_entry": (
        "document_id", "legal_entity", "currency", "exchange_rate", "accounting_date", "text",
        "purpose", "counterparty", "source_id", "reverses", "project_id", "contract_id", "lines",
    ),
    "journal_entry.lines": (
        "line", "account", "debit", "credit", "text", "department", "service_line", "practice",
        "cost_center",
    ),
    "journal_entry.columns": (
        "document_id", "number", "accounting_date", "currency", "project_id", "counterparty", "legal_entity",
    ),
    "journal_entry.line_columns": (
        "line", "description", "account", "net", "department", "service_line", "practice",
        "cost_center",
    ),
    "subsidiary.columns": ("external_id", "cancelled"),
    "currency.columns": ("code",),
    "applied_to": ("invoice_id", "amount"),
}  # fmt: skip
