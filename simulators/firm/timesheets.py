"""Time and expenses as people hand them in: a timesheet a week, an expense report a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from simulators.firm.entities import week_of
from simulators.firm.model import ExpenseRow, TimeRow

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

REOPENED_EVERY, REOPENED_AT, CORRECTED_LATE_AT = 8, 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timesheet:
    """One person's rows of one working week; `late` ones are entered during the rehearsed days."""

    sheet_id: int
    person_id: str
    first: date
    last: date
    late: bool
    rows: tuple[TimeRow, ...]
    unbilled: bool = False
    """None of it is billed by the hour, so no invoice has it and the PSA lets it be changed for long."""

    @property
    def corrected_late(self) -> bool:
        """Whether its mistake is found only when the month is over: after the switch, in many plans."""
        mine = self.sheet_id % REOPENED_EVERY == CORRECTED_LATE_AT
        return mine and self.unbilled and not self.late and bool(self.rows)

    @property
    def handed_in_again(self) -> bool:
        """Whether it is approved twice."""
        return self.reopened or self.corrected_late

    @property
    def reopened(self) -> bool:
        """Whether its person finds a mistake after it was approved, and hands it in again."""
        return not self.late and bool(self.rows) and self.sheet_id % REOPENED_EVERY == REOPENED_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpenseReport:
    """One person's expenses of the month."""

    report_id: int
    person_id: str
    first: date
    last: date
    rows: tuple[ExpenseRow, ...]


def timesheets_of(firm: Firm) -> tuple[Timesheet, ...]:
    """All timesheets, numbered in order of their first row; a month's end splits a week."""
    weekend_of = {row.person_id: firm.entities[row.entity].weekend for row in firm.people}
    groups: dict[tuple[str, date, bool, bool], list[TimeRow]] = {}
    for row in firm.time:
        week = week_of(row.worked_on, weekend_of[row.person_id])
        after = (row.worked_on.year, row.worked_on.month) > (firm.month.year, firm.month.month)
        groups.setdefault((row.person_id, week, row.late, after), []).append(row)
    hourly = {row.contract_id for row in firm.contracts if row.billing == "time_and_materials"}
    by_the_hour = {row.project_id for row in firm.projects if row.contract_id in hourly}
    return tuple(
        Timesheet(
            sheet_id=at,
            person_id=person_id,
            first=min(row.worked_on for row in rows),
            last=max(row.worked_on for row in rows),
            late=late,
            rows=tuple(rows),
            unbilled=not any(row.billable and row.project_id in by_the_hour for row in rows),
        )
        for at, ((person_id, _, late, _), rows) in enumerate(groups.items(), start=1)
    )


def expense_reports_of(firm: Firm) -> tuple[ExpenseReport, ...]:
    """All expense reports, numbered in order of their first row."""
    groups: dict[str, list[ExpenseRow]] = {}
    for row in firm.expenses:
        groups.setdefault(row.person_id, []).append(row)
    return tuple(
        ExpenseReport(
            report_id=at,
            person_id=person_id,
            first=min(row.spent_on for row in rows),
            last=max(row.spent_on for row in rows),
            rows=tuple(rows),
        )
        for at, (person_id, rows) in enumerate(groups.items(), start=1)
    )


def numbered(ids: Sequence[str], first: int) -> dict[str, str]:
    """Canonical id → the vendor's number, counted up from `first` in the given order."""
    return {name: str(first + at) for at, name in enumerate(ids)}
