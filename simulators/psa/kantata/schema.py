"""The collections of the account: names, defaults, required fields, associations, filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One kind of record."""

    name: str
    singular: str
    subject: str
    """Its name in `external_references.subject_type` and in event types."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    belongs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Association → (collection, id field)."""
    filters: tuple[str, ...] = ()
    """Fields a list can be narrowed by, as `field=value` or `fields=value,value`."""
    searched: str = "title"
    bulk_max: int = 1
    money: bool = False
    """Rows carry `currency`, `currency_symbol` and `currency_base_unit`."""
    order: str = "created_at:desc"


_WORKSPACE = {"workspace": ("workspaces", "workspace_id")}
_USER = {"user": ("users", "user_id")}
_SUBMISSION = {"user_id": None, "workspace_id": None, "title": "", "status": "pending", "comment": ""}

COLLECTIONS: dict[str, Collection] = {
    row.name: row
    for row in (
        Collection(
            name="users", singular="user", subject="User", searched="full_name",
            defaults={"full_name": "", "email_address": "", "headline": ""},
            required=("full_name",), filters=("email_address",), order="full_name:asc",
        ),
        Collection(
            name="workspace_groups", singular="workspace_group", subject="WorkspaceGroup", searched="name",
            defaults={"name": "", "company": False}, required=("name",),
        ),
        Collection(
            name="project_templates", singular="project_template", subject="ProjectTemplate",
            defaults={"title": "", "stories": []}, required=("title",), order="title:asc",
        ),
        Collection(
            name="workspaces", singular="workspace", subject="Workspace", money=True,
            defaults={
                "title": "", "description": "", "start_date": None, "due_date": None, "archived": False,
                "status": {"message": "Not Started", "key": 100}, "budgeted": False, "price_in_cents": 0,
                "primary_workspace_group_id": None,
            },
            required=("title", "creator_role"), filters=("primary_workspace_group_id",), order="updated_at:desc",
            belongs={"primary_workspace_group": ("workspace_groups", "primary_workspace_group_id")},
        ),
        Collection(
            name="stories", singular="story", subject="Story", money=True, bulk_max=300,
            defaults={
                "title": "", "story_type": "task", "state": "not started", "billable": True, "workspace_id": None,
                "due_date": None, "budget_estimate_in_cents": 0, "completed_at": None, "archived": False,
            },
            required=("title", "workspace_id"), filters=("workspace_id", "story_type", "state"), belongs=_WORKSPACE,
        ),
        Collection(
            name="time_entries", singular="time_entry", subject="TimeEntry", money=True, bulk_max=100,
            defaults={
                "workspace_id": None, "story_id": None, "user_id": None, "date_performed": None, "time_in_minutes": 0,
                "billable": True, "notes": "", "rate_in_cents": 0, "approved": False, "is_invoiced": False,
                "active_submission_id": None,
            },
            required=("workspace_id", "date_performed", "time_in_minutes"),
            filters=("workspace_id", "user_id", "story_id", "billable"),
            belongs=_WORKSPACE | _USER | {
                "story": ("stories", "story_id"),
                "active_submission": ("timesheet_submissions", "active_submission_id"),
            },
            searched="notes", order="date_performed:desc",
        ),
        Collection(
            name="expenses", singular="expense", subject="Expense", money=True, bulk_max=100,
            defaults={
                "workspace_id": None, "user_id": None, "date": None, "category": "", "amount_in_cents": 0,
                "billable": True, "reimbursable": True, "notes": "", "approved": False, "is_invoiced": False,
                "active_submission_id": None,
            },
            required=("workspace_id", "date", "amount_in_cents", "category"),
            filters=("workspace_id", "user_id", "billable"),
            belongs=_WORKSPACE | _USER | {
                "active_submission": ("expense_report_submissions", "active_submission_id"),
            },
            searched="notes", order="date:desc",
        ),
        Collection(
            name="timesheet_submissions", singular="timesheet_submission", subject="TimesheetSubmission",
            defaults=_SUBMISSION | {"time_entry_ids": []}, filters=("workspace_id", "user_id", "status"),
            belongs=_WORKSPACE | _USER,
        ),
        Collection(
            name="expense_report_submissions", singular="expense_report_submission",
            subject="ExpenseReportSubmission",
            defaults=_SUBMISSION | {"expense_ids": []}, filters=("workspace_id", "user_id", "status"),
            belongs=_WORKSPACE | _USER,
        ),
        Collection(
            name="billing_milestones", singular="billing_milestone", subject="BillingMilestone", money=True,
            defaults={
                "title": "", "workspace_id": None, "story_id": None, "amount_in_cents": 0, "date_to_invoice": None,
                "invoice_id": None,
            },
            required=("title", "workspace_id"), filters=("workspace_id", "story_id"),
            belongs=_WORKSPACE | {"story": ("stories", "story_id")},
        ),
        Collection(
            name="external_references", singular="external_reference", subject="ExternalReference",
            defaults={
                "service_name": "", "service_model": "", "service_model_ref": "", "subject_type": "",
                "subject_id": None, "status": "successful", "external_status": None, "external_message": None,
                "external_link": None, "locked": False, "last_synced_at": None,
            },
            required=("service_name", "service_model", "service_model_ref", "subject_type", "subject_id"),
            filters=("subject_type", "subject_id", "service_name", "service_model", "service_model_ref"),
            searched="service_model_ref",
        ),
    )
}  # fmt: skip
BY_SUBJECT = {row.subject: row for row in COLLECTIONS.values()}
APPROVABLE = ("time_entries", "expenses")
SUBMISSIONS = {
    "timesheet_submissions": ("time_entries", "time_entry_ids"),
    "expense_report_submissions": ("expenses", "expense_ids"),
}
REQUESTED_ONLY = ("active_submission_id",)
"""Association ids a row shows only when the association is included (vendor documentation)."""
STANDARD_TEMPLATE = {
    "id": "1",
    "title": "STANDARD",
    "stories": [
        {"title": "Delivery", "story_type": "task", "billable": True},
        {"title": "Project management", "story_type": "task", "billable": False},
    ],
}
"""The one template every account has."""
