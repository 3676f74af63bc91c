"""What people do in the PSA: approve timesheets and expense reports, enter late time, finish milestones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulators.firm.actions import Action
from simulators.firm.curve import Curve, local_moment
from simulators.firm.entities import month_end
from simulators.firm.kantata_rows import KantataIds, time_fields
from simulators.firm.model import Person, stream
from simulators.firm.timesheets import Timesheet, expense_reports_of, timesheets_of

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

API = "/api/v1"
MAX_ROWS = 100
"""Time entries in one request (Kantata's documentation)."""
REOPENED_WITHIN = timedelta(hours=28)
"""Of the window's start: before the first invoices, whose rows a PSA no longer lets anybody change."""
FOUND_HOUR, FOUND_AFTER = 18, timedelta(hours=3)
"""Mistakes that are found when the month is over: on the evening of the first day, and not at once."""
FORGOTTEN_PERCENT = 1
"""Timesheets nobody approves before the window ends."""
HANDED_IN_HOUR, LATE_HOUR = 15, 9
"""Local hours: a week is handed in on the afternoon of its last day; stragglers begin in the morning."""


class PsaWork:
    """The PSA's share of a workload; afterwards `ready` says since when a project has something to bill."""

    def __init__(
        self, firm: Firm, curves: dict[str, Curve], *, start: datetime, end: datetime, seed: int
    ) -> None:
        self._firm = firm
        self._system = firm.systems.get("kantata")
        self._curves = curves
        self._start = start
        self._end = end
        self._ids = KantataIds(firm)
        self._people = {row.person_id: row for row in firm.people}
        self._billing_of = {row.contract_id: row.billing for row in firm.contracts}
        self._contract_of = {row.project_id: row.contract_id for row in firm.projects}
        self._projects_of: dict[str, list[str]] = {}
        for row in firm.projects:
            self._projects_of.setdefault(row.contract_id, []).append(row.project_id)
        self._approvals = stream(seed, "workload/approvals")
        self._milestones = stream(seed, "workload/milestones")
        self.ready: dict[str, datetime] = {}

    def steps(self) -> Iterator[Action]:
        """All actions, unordered; fills `ready` as it goes."""
        if self._system is None:
            return
        for sheet in timesheets_of(self._firm):
            yield from self._timesheet(sheet)
        yield from self._expense_reports()
        yield from self._done_milestones()
        for contract in self._firm.contracts:
            if contract.billing in ("retainer", "subscription"):  # their fees fall due in any month
                at = local_moment(self._firm.entities[contract.entity].time_zone, self._firm.month, 9)
                for project_id in self._projects_of.get(contract.contract_id, ()):
                    self._note(project_id, at)

    def _timesheet(self, sheet: Timesheet) -> Iterator[Action]:
        person = self._people[sheet.person_id]
        rng = self._approvals
        forgotten = rng.randint(1, 100) <= FORGOTTEN_PERCENT
        zone = self._firm.entities[person.entity].time_zone
        first = local_moment(zone, sheet.last, LATE_HOUR if sheet.late else HANDED_IN_HOUR)
        if sheet.late:
            # Late October is entered when the month is over: after the switch, in many plans.
            first = max(first, local_moment(zone, month_end(self._firm.month), 12))
        at = self._curves[person.entity].draw(rng, not_before=first)
        if at is None or forgotten:
            return
        if sheet.late:
            yield from self._entered(sheet, person, at)
            at += timedelta(minutes=rng.randint(20, 90))
        yield self._approval("timesheet", self._ids.sheet(sheet.sheet_id), person, at, len(sheet.rows))
        if sheet.reopened and at < self._start + REOPENED_WITHIN:
            yield from self._reopened(sheet, person, at)
        found = local_moment(zone, month_end(self._firm.month) + timedelta(days=1), FOUND_HOUR)
        found += timedelta(minutes=sheet.sheet_id % 60)
        if sheet.corrected_late and at + FOUND_AFTER < found < self._end - FOUND_AFTER:
            yield from self._reopened(sheet, person, found)
        if at < self._end:
            for row in sheet.rows:
                in_month = row.worked_on <= month_end(self._firm.month)
                if row.billable and in_month and self._by_the_hour(row.project_id):
                    self._note(row.project_id, at)

    def _reopened(self, sheet: Timesheet, person: Person, at: datetime) -> Iterator[Action]:
        """The approval is taken back, the first row put right, and the sheet approved again."""
        row = sheet.rows[0]
        resolution = {"resolution": {"description": "A row is wrong"}}
        path = f"/timesheet_submissions/{self._ids.sheet(sheet.sheet_id)}/cancel"
        yield self._request(
            f"approver:{person.entity}",
            person.entity,
            at + timedelta(minutes=50),
            "PUT",
            path,
            resolution,
            0,
            "timesheet re-opened",
        )
        right = {"time_entry": {"time_in_minutes": row.minutes + (15 if row.minutes <= 60 else -15)}}
        path = f"/time_entries/{self._ids.entry(row)}"
        yield self._request(
            person.person_id,
            person.entity,
            at + timedelta(minutes=65),
            "PUT",
            path,
            right,
            0,
            "time put right",
        )
        # What was changed is taken back and sent anew: two documents, and none for rows left alone.
        path = f"/timesheet_submissions/{self._ids.again(sheet.sheet_id)}/approve"
        resolution = {"resolution": {"description": "Approved again"}}
        again = at + timedelta(minutes=90)
        yield self._request(
            f"approver:{person.entity}",
            person.entity,
            again,
            "PUT",
            path,
            resolution,
            2,
            "timesheet approved again",
        )

    def _entered(self, sheet: Timesheet, person: Person, at: datetime) -> Iterator[Action]:
        for first in range(0, len(sheet.rows), MAX_ROWS):
            rows = [time_fields(self._ids, row) for row in sheet.rows[first : first + MAX_ROWS]]
            yield self._request(
                person.person_id,
                person.entity,
                at,
                "POST",
                "/time_entries",
                {"time_entries": rows},
                0,
                "late time",
            )

    def _expense_reports(self) -> Iterator[Action]:
        for report in expense_reports_of(self._firm):
            person = self._people[report.person_id]
            zone = self._firm.entities[person.entity].time_zone
            first = local_moment(zone, report.last, HANDED_IN_HOUR)
            at = self._curves[person.entity].draw(self._approvals, not_before=first)
            if at is None:
                continue
            for row in report.rows:
                if row.billable:
                    self._note(row.project_id, at)
            yield self._approval(
                "expense_report", self._ids.report(report.report_id), person, at, len(report.rows)
            )

    def _done_milestones(self) -> Iterator[Action]:
        entity_of = {row.project_id: row.entity for row in self._firm.projects}
        for row in self._firm.milestones:
            entity = entity_of[row.project_id]
            first = local_moment(self._firm.entities[entity].time_zone, row.due_on, 0)
            at = self._curves[entity].draw(self._milestones, not_before=first)
            if at is not None:
                if at.date() <= month_end(self._firm.month):
                    self._note(row.project_id, at)
                path = f"/stories/{self._ids.milestone(row.milestone_id)}"
                body = {"story": {"state": "completed"}}
                yield self._request(
                    f"manager:{entity}", entity, at, "PUT", path, body, 1, "milestone completed"
                )

    def _approval(self, what: str, submission: str, person: Person, at: datetime, documents: int) -> Action:
        path = f"/{what}_submissions/{submission}/approve"
        body = {"resolution": {"description": "Approved at month-end"}}
        return self._request(
            f"approver:{person.entity}", person.entity, at, "PUT", path, body, documents, f"{what} approved"
        )

    def _request(
        self,
        actor: str,
        entity: str,
        at: datetime,
        method: str,
        path: str,
        body: dict[str, Any],
        documents: int,
        what: str,
    ) -> Action:
        assert self._system is not None
        return Action(
            at=at,
            actor=actor,
            entity=entity,
            system=self._system,
            method=method,
            path=API + path,
            json=body,
            documents=documents,
            what=what,
        )

    def _by_the_hour(self, project_id: str) -> bool:
        return self._billing_of[self._contract_of[project_id]] == "time_and_materials"

    def _note(self, project_id: str, at: datetime) -> None:
        if project_id not in self.ready or at < self.ready[project_id]:
            self.ready[project_id] = at
