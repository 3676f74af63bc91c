"""The work a wave holds when it is released: masters first, then time entries over its projects. Pure."""

from __future__ import annotations

from typing import Any

from router.journal.port import Scope
from simulators.firm.firm import Firm
from simulators.firm.masters import event

HOURLY = "150.00"
SOURCE = "/drain-check/time"


def masters_of(firm: Firm, scope: Scope) -> list[dict[str, Any]]:
    """The initial load of the scope's entities, in the order documents need each other."""
    wanted = frozenset(scope.entities)
    return [one for one in firm.masters() if one["data"]["legal_entity"] in wanted]


def waiting_time(firm: Firm, scope: Scope, count: int) -> list[dict[str, Any]]:
    """`count` approved time entries, spread evenly over the scope's projects that bill by the hour."""
    contracts = {row.contract_id: row for row in firm.contracts}
    projects = [
        row
        for row in firm.projects
        if row.entity in scope.entities
        and (not scope.business_units or row.business_unit in scope.business_units)
        and contracts[row.contract_id].billing == "time_and_materials"
    ]
    people = {entity: [row for row in firm.people if row.entity == entity] for entity in scope.entities}
    projects = [row for row in projects if people[row.entity]]
    events = []
    for at in range(count if projects else 0):
        project = projects[at % len(projects)]
        team = people[project.entity]
        person = team[at // len(projects) % len(team)]
        day = firm.month.replace(day=1 + at % 28).isoformat()
        data = {
            "document_id": f"DRAIN-{at + 1:06d}", "legal_entity": project.entity,
            "region": firm.entities[project.entity].region, "business_unit": project.business_unit,
            "accounting_date": day, "project_id": project.project_id, "resource_id": person.person_id,
            "work_date": day, "minutes": 60 + 15 * (at % 20), "role": person.role, "billable": True,
            "currency": project.currency, "bill_rate": _price(project.currency), "cost_center": project.cost_center,
            "department": project.department, "practice": project.practice, "service_line": project.service_line,
        }  # fmt: skip
        events.append(event("time_entry", data, source=SOURCE, time=f"{day}T17:00:00Z", verb="approved"))
    return events


def _price(currency: str) -> str:
    """An hour's price with as many decimals as its currency has."""
    return {"JPY": "15000", "BHD": "150.000"}.get(currency, HOURLY)
