"""Utilisation and backlog: time worked against capacity, and what was sold but not yet delivered or billed.

Capacity is contracted weekly time by working days, Monday to Friday, between the first and the last day
of employment; public holidays are not known here, so they count as capacity. Time covered by a retainer
is billable: the customer pays for it. Time beyond a cap is worked, not billable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from router.canonical.masters import Assignment, Contract, Resource
from router.canonical.money import Money, round_half_up
from router.canonical.work import TimeEntry

WORKING_DAYS = 5


@dataclass(slots=True)
class Used:
    """Minutes of a group: worked, billable, and what there was to work."""

    minutes: int = 0
    billable: int = 0
    capacity: Fraction | None = None
    """None: the group has no capacity of its own (a practice borrows people from departments)."""

    def shown(self) -> dict[str, object]:
        """As JSON: minutes, and per ten thousand of capacity, half up."""
        row: dict[str, object] = {"minutes": self.minutes, "billable_minutes": self.billable}
        if self.capacity is not None:
            row["capacity_minutes"] = round_half_up(self.capacity)
            row["utilisation_basis_points"] = (
                round_half_up(Fraction(self.billable * 10_000) / self.capacity) if self.capacity else None
            )
        return row


@dataclass(slots=True)
class Utilisation:
    """Time by person, department, practice and employer."""

    people: dict[str, Used] = field(default_factory=dict)
    departments: dict[str, Used] = field(default_factory=dict)
    practices: dict[str, Used] = field(default_factory=dict)
    entities: dict[str, Used] = field(default_factory=dict)
    unknown: dict[str, Used] = field(default_factory=dict)
    """By resource id: people who worked but whom nobody has sent."""


def working_days(first: date, last: date) -> int:
    """Days from Monday to Friday in [first, last]."""
    days = (last - first).days + 1
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    extra = sum((first + timedelta(days=at)).weekday() < WORKING_DAYS for at in range(rest))
    return weeks * WORKING_DAYS + extra


def capacity(resource: Resource, first: date, last: date) -> Fraction:
    """Minutes a person could work in [first, last], exact."""
    begins = max(first, resource.hired_on) if resource.hired_on else first
    ends = min(last, resource.left_on) if resource.left_on else last
    return Fraction(resource.weekly_minutes * working_days(begins, ends), WORKING_DAYS)


def utilisation(
    people: Iterable[Resource], work: Iterable[TimeEntry], spans: Mapping[str, tuple[date, date]]
) -> Utilisation:
    """Time and capacity in each employer's span of days; work outside of it does not count."""
    found = Utilisation()
    known = {one.document_id: one for one in people}
    for person in known.values():
        if person.legal_entity not in spans:
            continue
        own = capacity(person, *spans[person.legal_entity])
        if not own:
            continue
        for group, name in _groups(found, person):
            used = group.setdefault(name, Used(capacity=Fraction(0)))
            used.capacity = (used.capacity or Fraction(0)) + own
    for entry in work:
        worker = known.get(entry.resource_id)
        if worker is None:
            _count(found.unknown.setdefault(entry.resource_id, Used()), entry)
            continue
        span = spans.get(worker.legal_entity)
        if span is None or not span[0] <= entry.work_date <= span[1]:
            continue
        for group, name in _groups(found, worker):
            _count(group.setdefault(name, Used(capacity=Fraction(0))), entry)
        _count(found.practices.setdefault(entry.practice, Used()), entry)
    return found


def _groups(found: Utilisation, person: Resource) -> tuple[tuple[dict[str, Used], str], ...]:
    return (
        (found.people, person.document_id),
        (found.departments, person.department),
        (found.entities, person.legal_entity),
    )


def _count(used: Used, entry: TimeEntry) -> None:
    used.minutes += entry.minutes
    used.billable += entry.minutes if entry.billable or entry.covered_by else 0


def contract_value(contract: Contract) -> Money | None:
    """What a contract is worth: fees for their whole term and caps; None where a line has no end or bound."""
    total = 0
    for line in contract.lines:
        if line.bills in ("retainer", "subscription"):
            ends = line.ends or contract.ends
            if line.fee is None or ends is None:
                return None
            total += round_half_up(line.fee.minor * _months(line.starts or contract.starts, ends))
        elif line.amount is None:
            return None
        else:
            total += line.amount.minor
    return Money(total, contract.currency)


def _months(first: date, last: date) -> Fraction:
    """Months in [first, last], a part of one by its days."""
    total, day = Fraction(0), first
    while day <= last:
        after = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        length = (after - day.replace(day=1)).days
        total += Fraction((min(after - timedelta(days=1), last) - day).days + 1, length)
        day = after
    return total


def planned_left(assignments: Iterable[Assignment], worked: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Planned minutes not worked yet, by project; (project, person) to minutes worked. Never below zero."""
    planned: dict[tuple[str, str], int] = {}
    for one in assignments:
        key = (one.project_id, one.resource_id)
        planned[key] = planned.get(key, 0) + one.minutes
    left: dict[str, int] = {}
    for (project_id, resource_id), minutes in planned.items():
        rest = max(0, minutes - worked.get((project_id, resource_id), 0))
        left[project_id] = left.get(project_id, 0) + rest
    return left
