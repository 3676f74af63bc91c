"""The firm in the HCM's words: every consultant as a worker, a few of them changed during the month.

People are loaded with the other masters, so their rows are older than the month. What HR changed since
(a raise from the next month on, a resignation) is what the HCM's feed has to tell.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from simulators.core.money import decimal_text
from simulators.firm.model import Person

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

WEEKLY_HOURS = "40"
RAISE_EVERY = 25
"""One in so many gets a raise; at least one does."""
RAISE_PERCENT = 4
RAISED_ON, RESIGNED_ON = 20, 27
"""Days of the month HR enters them."""


def worker_rows(firm: Firm) -> dict[str, list[dict[str, Any]]]:
    """All people as workers; the last one leaves two months on, so that the month's work is not touched."""
    next_month = (firm.month + timedelta(days=32)).replace(day=1)
    rows = []
    for at, person in enumerate(firm.people):
        row = _worker(person, firm.month)
        if at % RAISE_EVERY == 1:
            raised = person.cost_minor + person.cost_minor * RAISE_PERCENT // 100
            row["costRates"].append(_rate(raised, person.currency, next_month))
            row |= {"version": 2, "changedAt": _stamp(firm.month.replace(day=RAISED_ON))}
        if at == len(firm.people) - 1:
            last = (next_month + timedelta(days=62)).replace(day=1) - timedelta(days=1)
            changed = _stamp(firm.month.replace(day=RESIGNED_ON))
            row |= {"terminationDate": last.isoformat(), "version": 3, "changedAt": changed}
        rows.append(row)
    # In the order HR entered them, as the feed gives them.
    return {"workers": sorted(rows, key=lambda row: (row["changedAt"], row["employeeId"]))}


def _worker(person: Person, month: date) -> dict[str, Any]:
    row: dict[str, Any] = {
        "employeeId": person.person_id,
        "displayName": person.name,
        "legalEntity": person.entity,
        "jobRole": person.role,
        "department": person.department,
        "costCenter": person.cost_center,
        "currency": person.currency,
        "costRates": [_rate(person.cost_minor, person.currency, month)],
        "weeklyHours": WEEKLY_HOURS,
        "version": 1,
        "changedAt": _stamp(month - timedelta(days=1)),
    }
    return row | ({"workEmail": person.email} if person.email else {})


def _rate(minor: int, currency: str, starts: date) -> dict[str, str]:
    return {"hourlyCost": decimal_text(minor, currency), "validFrom": starts.isoformat()}


def _stamp(day: date) -> str:
    return f"{day.isoformat()}T12:00:00Z"
