"""Payroll runs: in which month's run a person is paid for a piece of work.

A run takes the work of its month that was approved by the cut-off day, and earlier work approved since
the cut-off before. So work approved too late goes to the next run, however old it is, and every entry
is in exactly one: a function of its work date and the day it was approved, not of when somebody asks.
Corrections are entries of their own: taking hours back lowers the run they were approved for.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Minutes of one person's work on one day, and the day of their approval."""

    document_id: str
    resource_id: str
    work_date: date
    minutes: int
    approved_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a run pays one person: minutes of its own month and of those before."""

    resource_id: str
    minutes: int
    late_minutes: int
    """Of `minutes`: work of earlier months, approved after their cut-off."""
    entries: tuple[str, ...]


def run_of(work_date: date, approved_on: date, cut_off_day: int | None) -> str:
    """The run (`YYYY-MM`) that pays for work; without a cut-off day a month ends with its last day."""
    month = work_date.replace(day=1)
    if approved_on >= month:
        approval = approved_on.replace(day=1)
        due = approval if approved_on <= cut_off(approval, cut_off_day) else _next(approval)
        month = max(month, due)
    return f"{month.year:04d}-{month.month:02d}"


def cut_off(month: date, cut_off_day: int | None) -> date:
    """The last day of approval for a month's run; the month's last day where it has no such day."""
    last = monthrange(month.year, month.month)[1]
    return month.replace(day=last if cut_off_day is None else min(cut_off_day, last))


def pay(run: str, work: Iterable[Approved], cut_off_day: int | None) -> list[Paid]:
    """What a run pays, by person."""
    people: dict[str, list[Approved]] = {}
    for one in work:
        if run_of(one.work_date, one.approved_on, cut_off_day) == run:
            people.setdefault(one.resource_id, []).append(one)
    return [
        Paid(
            resource_id=person,
            minutes=sum(one.minutes for one in rows),
            late_minutes=sum(one.minutes for one in rows if f"{one.work_date:%Y-%m}" < run),
            entries=tuple(one.document_id for one in rows),
        )
        for person, rows in sorted(people.items())
    ]


def _next(month: date) -> date:
    return date(month.year + month.month // MONTHS, month.month % MONTHS + 1, 1)
