"""Every name the connector writes or reads by. Pure; the shipped mapping must cover all of it in every version."""

from __future__ import annotations

from collections.abc import Mapping

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "time_entry": ("project_id", "resource_id", "work_date", "minutes", "billable", "notes"),
    "time_entry.status": ("document_id", "status"),
    "expense_item": (
        "project_id", "resource_id", "expense_date", "category", "amount", "currency", "billable", "notes",
    ),
    "milestone": ("project_id", "name", "amount", "currency", "completed_on"),
    "milestone.billing": ("amount", "currency", "milestone"),
    "project": ("name", "currency", "starts", "ends", "customer_id", "template", "status"),
    "project.template": ("name",),
    "invoice": ("number", "status", "total"),
}  # fmt: skip
OPTIONAL: Mapping[str, tuple[str, ...]] = {"expense_item": ("receipt",)}
"""Names that are read where the mapping has them: not every account keeps such an attribute."""
