"""Timesheets and expense reports: handing in, approving, rejecting, taking an approval back.

A submission may cover many rows; approving marks each of them approved and changes its
`updated_at`, which is what a change feed sees. A submission seeded without rows covers whatever its
user has not handed in for its days when it is decided.
"""

from __future__ import annotations

from typing import Any, Literal

from simulators.psa.kantata.errors import invalid, system
from simulators.psa.kantata.schema import COLLECTIONS, SUBMISSIONS
from simulators.psa.kantata.state import Account, Row

Action = Literal["approve", "reject", "cancel"]
STATUS = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}
OPEN = ("pending", "submitted")
LINES_MAX = 1_000


class Approvals:
    """Decisions over submissions."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def submit(self, name: str, given: Any) -> Row:
        """Hand rows in: `line_item_ids`, `title` and `workspace_id` are required (vendor documentation)."""
        rows_name, ids_name = SUBMISSIONS[name]
        given = given if isinstance(given, dict) else {}
        for field in ("title", "workspace_id", "line_item_ids"):
            if not given.get(field):
                raise invalid(field, f"{field} can't be blank")
        ids = given["line_item_ids"]
        if not isinstance(ids, list) or len(ids) > LINES_MAX:
            raise invalid("line_item_ids", f"line_item_ids must be a list of at most {LINES_MAX}")
        rows = []
        for item in ids:
            row = self._account.find(rows_name, item)
            if row is None or row["workspace_id"] != str(given["workspace_id"]):
                raise invalid("line_item_ids", f"{item} is not in this project")
            if row["active_submission_id"] is not None:
                raise invalid("line_item_ids", f"{item} is already submitted")
            rows.append(row)
        values = {
            "title": str(given["title"]),
            "workspace_id": str(given["workspace_id"]),
            "user_id": rows[0]["user_id"],
            "status": "pending",
            ids_name: [row["id"] for row in rows],
        }
        made = self._account.create(COLLECTIONS[name], values)
        for row in rows:
            self._account.change(COLLECTIONS[rows_name], row["id"], {"active_submission_id": made["id"]})
        return made

    def decide(self, name: str, record_id: str, action: Action, comment: str = "") -> Row:
        """Approve or reject an open submission, or cancel one; raises 404, 422."""
        rows_name, ids_name = SUBMISSIONS[name]
        submission = self._account.get(name, record_id)
        ids = submission[ids_name]
        if submission["status"] not in OPEN and not (
            action == "cancel" and submission["status"] == "approved"
        ):
            raise invalid("status", f"This submission is {submission['status']}")
        if not ids:
            ids = self._uncovered(rows_name, submission)
        rows = [row for row in (self._account.find(rows_name, item) for item in ids) if row is not None]
        if action != "approve" and any(row["is_invoiced"] for row in rows):
            raise invalid("base", "Rows of this submission are invoiced")
        approved = action == "approve"
        active = submission["id"] if approved else None
        for row in rows:
            values = {"approved": approved, "active_submission_id": active}
            self._account.change(COLLECTIONS[rows_name], row["id"], values)
        return self._account.change(
            COLLECTIONS[name],
            submission["id"],
            {"status": STATUS[action], "comment": comment, ids_name: [row["id"] for row in rows]},
            what=STATUS[action],
        )

    def decide_many(self, name: str, ids: Any, action: Action, comment: str) -> list[Row]:
        """Decide several at once: all are checked before the first is changed."""
        if not isinstance(ids, list) or not ids or len(ids) > LINES_MAX:
            raise system(400, "submission_ids is missing")
        for item in ids:
            found = self._account.get(name, item)
            if action != "cancel" and found["status"] not in OPEN:
                raise invalid("status", f"Submission {item} is {found['status']}")
        return [self.decide(name, str(item), action, comment) for item in ids]

    def _uncovered(self, rows_name: str, submission: Row) -> list[str]:
        table = self._account.tables[rows_name]
        first, last = str(submission.get("start_date", "")), str(submission.get("end_date", ""))
        day = "date_performed" if rows_name == "time_entries" else "date"
        loose = table.loose.get(str(submission["user_id"]), {})
        return [str(number) for number in sorted(loose) if first <= str(table.rows[number][day]) <= last]
