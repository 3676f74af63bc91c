"""Work done, as the firm books it: hours, expenses, milestones, fees. Pure.

Every row is one of the firm's own month, so the projects are as unequal as they are at month-end: the
first ones of an entity draw a large part of its work, and one lane of the router is longer than the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from loadtests.scenario.model import Stream
from loadtests.traffic.chance import drawn
from loadtests.traffic.forms import Form, event_form, spread
from loadtests.traffic.ground import Ground, hours_of
from router.errors import BadInput
from simulators.core.money import decimal_text
from simulators.firm.model import ExpenseRow, Project, TimeRow
from simulators.firm.prices import hour_minor

TIME_SOURCE, EXPENSE_SOURCE = "/psa/time", "/psa/expenses"
MILESTONE_SOURCE, FEE_SOURCE = "/psa/milestones", "/psa/fees"
HISTORY_SOURCE = "/psa/history"
AGO = timedelta(days=400)
"""How long before the month milestones were completed: no gateway's clock is before that day."""
HISTORY_DAYS = 180
MOST_OWN = 512
"""Forms under the run's own agreements."""


def time_data(ground: Ground, row: TimeRow) -> dict[str, Any]:
    """A time entry without its id, as the PSA's connector would make it."""
    project, person = ground.projects[row.project_id], ground.people[row.person_id]
    day = row.worked_on.isoformat()
    minor = ground.hourly_minor(project, person.role, row.worked_on) if row.billable else 0
    return {
        **_dimensions(ground, project), "accounting_date": day, "project_id": project.project_id,
        "resource_id": person.person_id, "work_date": day, "minutes": row.minutes, "role": person.role,
        "billable": row.billable, "currency": project.currency, "bill_rate": decimal_text(minor, project.currency),
        "cost_center": person.cost_center, "notes": row.notes or None,
    }  # fmt: skip


def time_forms(ground: Ground, stream: Stream) -> list[Form]:
    """Time entries of the month."""
    return [time_form(ground, row) for row in spread(hours_of(ground, ground.entities_of(stream)))]


def time_form(ground: Ground, row: TimeRow) -> Form:
    """One of them."""
    data = time_data(ground, row)
    return event_form("time_entry", "approved", data, source=TIME_SOURCE, on=data["work_date"])


def historical_forms(ground: Ground, stream: Stream) -> list[Form]:
    """Hours of the half year before the month, as a bulk load brings them.

    Their work dates lie in closed periods too; they are dated into the first one their entity's calendar
    accepts, as a loader must; and they are in their entity's own currency, since rates begin somewhere.
    """
    forms: list[Form] = []
    home = {name: entity.currency for name, entity in ground.firm.entities.items()}
    rows = [
        row
        for row in hours_of(ground, ground.entities_of(stream))
        if ground.projects[row.project_id].currency == home[ground.projects[row.project_id].entity]
    ]
    if not rows:
        raise BadInput(
            f"streams.{stream.name}: its entities have no hours in their own currency",
            mend="name further entities, or take a larger size",
        )
    for at, row in enumerate(spread(rows)):
        data = time_data(ground, row)
        project = ground.projects[row.project_id]
        day = max(ground.firm.month - timedelta(days=1 + at * 7 % HISTORY_DAYS), project.starts)
        booked = max(day, ground.open_from[project.entity]).isoformat()
        dated = {"work_date": day.isoformat(), "accounting_date": booked}
        forms.append(event_form("time_entry", "approved", data | dated, source=HISTORY_SOURCE, on=booked))
    return forms


def expense_forms(ground: Ground, stream: Stream) -> list[Form]:
    """Expenses of the month, by people of the project's own entity, in categories that are always passed on."""
    wanted = frozenset(ground.entities_of(stream))
    rows = [
        row
        for row in ground.firm.expenses
        if ground.projects[row.project_id].entity in wanted
        and ground.people[row.person_id].entity == ground.projects[row.project_id].entity
        and row.category in ("TRAVEL", "LODGING", "MILEAGE", "SOFTWARE")
    ]
    if not rows:
        rows = [_invented(ground, row) for row in hours_of(ground, tuple(sorted(wanted)))]
    return [_expense(ground, row) for row in spread(rows)]


def _invented(ground: Ground, row: TimeRow) -> ExpenseRow:
    currency = ground.projects[row.project_id].currency
    minor = hour_minor("CONSULTANT", currency) * row.minutes // 97
    return ExpenseRow(
        0, row.person_id, row.project_id, row.worked_on, "TRAVEL", minor, currency, billable=True
    )


def _expense(ground: Ground, row: ExpenseRow) -> Form:
    project, person = ground.projects[row.project_id], ground.people[row.person_id]
    day = row.spent_on.isoformat()
    data = {
        **_dimensions(ground, project), "accounting_date": day, "project_id": project.project_id,
        "resource_id": person.person_id, "expense_date": day, "category": row.category, "billable": row.billable,
        "amount": decimal_text(row.amount_minor, row.currency), "currency": row.currency,
        "cost_center": person.cost_center,
    }  # fmt: skip
    return event_form("expense_item", "approved", data, source=EXPENSE_SOURCE, on=day)


def milestone_forms(ground: Ground, at: int, key: int) -> list[Form]:
    """Steps of the run's own fixed-fee contracts, whose fee no run reaches: any order is right.

    They were completed long ago, so that the gateway's clock may show any day; they are booked in the month.
    """
    forms: list[Form] = []
    for project in ground.own[at]:
        for number in range(MOST_OWN // len(ground.own[at])):
            minor = hour_minor("CONSULTANT", project.currency) * (80 + drawn(key, len(forms)) % 520)
            data = _under(ground, project) | {
                "name": f"Step {number + 1}",
                "amount": decimal_text(minor, project.currency),
                "completed_on": (ground.firm.month - AGO + timedelta(days=number % 28)).isoformat(),
            }
            day = data["accounting_date"]
            forms.append(event_form("milestone", "completed", data, source=MILESTONE_SOURCE, on=day))
    return forms


def charge_forms(ground: Ground, at: int, key: int) -> list[Form]:
    """Fees of the month under the run's own subscriptions."""
    forms: list[Form] = []
    month = ground.firm.month
    for project in ground.own[at]:
        for number in range(MOST_OWN // len(ground.own[at])):
            minor = hour_minor("CONSULTANT", project.currency) * (1 + drawn(key, len(forms)) % 40)
            data = _under(ground, project) | {
                "name": f"Managed service {month:%B %Y}, part {number + 1}",
                "amount": decimal_text(minor, project.currency),
                "service_from": month.isoformat(),
                "service_until": month.replace(day=28).isoformat(),
            }
            day = data["accounting_date"]
            forms.append(event_form("charge", "fell_due", data, source=FEE_SOURCE, on=day))
    return forms


def _under(ground: Ground, project: Project) -> dict[str, Any]:
    """What documents under the first line of a project's contract share."""
    return {
        **head(ground, project.entity, project.business_unit), "project_id": project.project_id,
        "contract_id": project.contract_id, "contract_line": 1, "currency": project.currency,
    }  # fmt: skip


def head(ground: Ground, entity: str, business_unit: str) -> dict[str, Any]:
    """The header every document has, dated on the month's 28th."""
    return {
        "legal_entity": entity, "region": ground.region(entity), "business_unit": business_unit,
        "accounting_date": ground.firm.month.replace(day=28).isoformat(),
    }  # fmt: skip


def _dimensions(ground: Ground, project: Project) -> Mapping[str, Any]:
    return {
        "legal_entity": project.entity, "region": ground.region(project.entity),
        "business_unit": project.business_unit, "department": project.department, "practice": project.practice,
        "service_line": project.service_line,
    }  # fmt: skip
