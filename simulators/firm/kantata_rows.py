"""The firm in the PSA's words: users, clients, workspaces, stories, time, expenses, references.

Ids are numeric texts; money is integer minor units of the row's currency; time is minutes. Canonical
ids live in external references of the service `coexist`, the only place where the PSA keeps others' ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.firm.model import ExpenseRow, MilestoneRow, TimeRow
from simulators.firm.timesheets import expense_reports_of, numbered, timesheets_of

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

SERVICE = "coexist"
USERS, CLIENTS, WORKSPACES, STORIES, MILESTONES = 10_001, 30_001, 50_001, 100_001, 400_001
SHEETS, AGAIN, REPORTS, REFERENCES = 500_001, 600_001, 700_001, 800_001
TIME, EXPENSES = 1_000_000, 3_000_000
"""Number ranges that never meet, so that an id mixed up between objects is found out."""
Row = dict[str, Any]


class KantataIds:
    """Canonical id → numeric text in the PSA."""

    def __init__(self, firm: Firm) -> None:
        self.user = numbered([row.person_id for row in firm.people], USERS)
        self.client = numbered([row.customer_id for row in firm.customers], CLIENTS)
        self.workspace = numbered([row.project_id for row in firm.projects], WORKSPACES)
        self.story = numbered([task.task_id for row in firm.projects for task in row.tasks], STORIES)

    def sheet(self, sheet_id: int) -> str:
        """A timesheet submission."""
        return str(SHEETS + sheet_id)

    def again(self, sheet_id: int) -> str:
        """The submission of a timesheet that is handed in a second time."""
        return str(AGAIN + sheet_id)

    def entry(self, row: TimeRow) -> str:
        """A time entry that was there when the rehearsed days began."""
        return str(TIME + row.time_id)

    def report(self, report_id: int) -> str:
        """An expense report submission."""
        return str(REPORTS + report_id)

    def milestone(self, milestone_id: int) -> str:
        """The story that stands for a milestone."""
        return str(MILESTONES + milestone_id)


def kantata_rows(firm: Firm) -> dict[str, list[Row]]:
    """Object → rows as the PSA holds them when the rehearsed days begin: handed in, not approved."""
    ids = KantataIds(firm)
    return {
        "users": [
            {
                "id": ids.user[row.person_id],
                "full_name": row.name,
                "email_address": row.email or f"{row.person_id.casefold()}@harbour.example",
                "headline": row.role,
                "cost_rate_in_cents": row.cost_minor,
                "currency": row.currency,
            }
            for row in firm.people
        ],
        "workspace_groups": [
            {"id": ids.client[row.customer_id], "name": row.name, "company": True} for row in firm.customers
        ],
        "workspaces": [
            {
                "id": ids.workspace[row.project_id],
                "title": row.name,
                "start_date": row.starts.isoformat(),
                "due_date": row.ends.isoformat() if row.ends else None,
                "currency": row.currency,
                "primary_workspace_group_id": ids.client[row.customer_id],
                "archived": False,
            }
            for row in firm.projects
        ],
        "stories": [
            {
                "id": ids.story[task.task_id],
                "workspace_id": ids.workspace[row.project_id],
                "title": task.name,
                "story_type": "task",
                "billable": task.billable,
                "state": "started",
            }
            for row in firm.projects
            for task in row.tasks
        ]
        + [_milestone(ids, row) for row in firm.milestones],
        **_work_handed_in(firm, ids),
        "billing_milestones": [
            {
                "id": ids.milestone(row.milestone_id),
                "workspace_id": ids.workspace[row.project_id],
                "story_id": ids.milestone(row.milestone_id),
                "title": row.name,
                "amount_in_cents": row.amount_minor,
                "currency": row.currency,
                "date_to_invoice": row.due_on.isoformat(),
            }
            for row in firm.milestones
        ],
        "external_references": _references(firm, ids),
    }


def _work_handed_in(firm: Firm, ids: KantataIds) -> dict[str, list[Row]]:
    """Time and expenses, and the submissions that people approve as a whole."""
    sheets = timesheets_of(firm)
    reports = expense_reports_of(firm)
    return {
        "time_entries": [
            {
                "id": str(TIME + row.time_id),
                "active_submission_id": ids.sheet(sheet.sheet_id),
                "approved": False,
            }
            | time_fields(ids, row)
            for sheet in sheets
            if not sheet.late
            for row in sheet.rows
        ],
        "timesheet_submissions": [
            {
                "id": ids.sheet(sheet.sheet_id),
                "user_id": ids.user[sheet.person_id],
                "title": f"{sheet.first} to {sheet.last}",
                "start_date": sheet.first.isoformat(),
                "end_date": sheet.last.isoformat(),
                "status": "pending",
                # A late sheet is handed in empty: approving it covers what was entered meanwhile.
                "time_entry_ids": [] if sheet.late else [str(TIME + row.time_id) for row in sheet.rows],
            }
            for sheet in sheets
        ]
        + [
            # Handed in a second time: approving it covers what is not covered any more.
            {
                "id": ids.again(sheet.sheet_id),
                "user_id": ids.user[sheet.person_id],
                "title": f"{sheet.first} to {sheet.last}, corrected",
                "start_date": sheet.first.isoformat(),
                "end_date": sheet.last.isoformat(),
                "status": "pending",
                "time_entry_ids": [],
            }
            for sheet in sheets
            if sheet.handed_in_again
        ],
        "expenses": [
            {
                "id": str(EXPENSES + row.expense_id),
                "active_submission_id": ids.report(report.report_id),
                "approved": False,
            }
            | _expense_fields(ids, row)
            for report in reports
            for row in report.rows
        ],
        "expense_report_submissions": [
            {
                "id": ids.report(report.report_id),
                "user_id": ids.user[report.person_id],
                "title": f"{report.first} to {report.last}",
                "start_date": report.first.isoformat(),
                "end_date": report.last.isoformat(),
                "status": "pending",
                "expense_ids": [str(EXPENSES + row.expense_id) for row in report.rows],
            }
            for report in reports
        ],
    }


def time_fields(ids: KantataIds, row: TimeRow) -> Row:
    """A time entry as it is posted."""
    return {
        "workspace_id": ids.workspace[row.project_id],
        "story_id": ids.story[row.task_id],
        "user_id": ids.user[row.person_id],
        "date_performed": row.worked_on.isoformat(),
        "time_in_minutes": row.minutes,
        "billable": row.billable,
        "notes": row.notes,
    }


def _expense_fields(ids: KantataIds, row: ExpenseRow) -> Row:
    return {
        "workspace_id": ids.workspace[row.project_id],
        "user_id": ids.user[row.person_id],
        "date": row.spent_on.isoformat(),
        "category": row.category,
        "amount_in_cents": row.amount_minor,
        "currency": row.currency,
        "billable": row.billable,
        "notes": row.notes,
    }


def _milestone(ids: KantataIds, row: MilestoneRow) -> Row:
    return {
        "id": ids.milestone(row.milestone_id),
        "workspace_id": ids.workspace[row.project_id],
        "title": row.name,
        "story_type": "milestone",
        "billable": True,
        "state": "started",
        "due_date": row.due_on.isoformat(),
        "budget_estimate_in_cents": row.amount_minor,
        "currency": row.currency,
    }


def _references(firm: Firm, ids: KantataIds) -> list[Row]:
    named = [("Workspace", ids.workspace[row.project_id], row.project_id) for row in firm.projects]
    named += [("User", ids.user[row.person_id], row.person_id) for row in firm.people]
    named += [("WorkspaceGroup", ids.client[row.customer_id], row.customer_id) for row in firm.customers]
    return [
        {
            "id": str(REFERENCES + at),
            "service_name": SERVICE,
            "service_model": subject,
            "service_model_ref": canonical,
            "subject_type": subject,
            "subject_id": vendor_id,
        }
        for at, (subject, vendor_id, canonical) in enumerate(named)
    ]
