"""What stands in CRM, PSA and HCM before a run: the firm's rows, and those of the run's own agreements. Pure.

The firm's rows keep the numbers they have without the run's, so that simulators may be seeded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loadtests.traffic.chance import key_of
from loadtests.traffic.ground import Ground
from loadtests.traffic.processes import first_number
from simulators.crm.salesforce.ids import make_id
from simulators.firm.kantata_rows import SERVICE, KantataIds
from simulators.firm.model import Customer, Project
from simulators.firm.salesforce_rows import FIRST, OPEN, WON

OWN = 10**12
"""Numbers of the run's own rows in the PSA start beyond this, away from those it gives by itself."""
OWN_STREAM = 63
"""Stands for no stream where the deals of the run's own agreements are numbered."""
Rows = dict[str, list[dict[str, Any]]]


def seeds_of(ground: Ground, tag: str, deals: Iterable[tuple[str, Customer]]) -> Mapping[str, Rows]:
    """System → object → rows; `deals`: record id and customer of each opportunity the run will win."""
    seeds: dict[str, Rows] = ground.base.seeds()
    own = [project for projects in ground.own.values() for project in projects]
    kantata, salesforce = (ground.base.systems.get(vendor) for vendor in ("kantata", "salesforce"))
    if kantata is not None:
        _join(seeds[kantata], _workspaces(ground, own))
    if salesforce is not None:
        first = first_number(tag, OWN_STREAM)
        running = [
            _deal(ground, make_id("006", first + at), ground.customers[row.customer_id], row.project_id)
            for at, row in enumerate(own)
        ]
        won = [_deal(ground, name, customer, None) for name, customer in deals]
        _join(seeds[salesforce], {"Opportunity": running + won})
    return seeds


def _join(rows: Rows, more: Rows) -> None:
    for name, added in more.items():
        rows[name] = rows[name] + added


def _workspaces(ground: Ground, own: list[Project]) -> Rows:
    ids = KantataIds(ground.base)
    first = OWN + (key_of(f"workspaces/{ground.code}") & 0xFFFFF) * 10_000
    named = [(str(first + at), row) for at, row in enumerate(own)]
    return {
        "workspaces": [
            {
                "id": name,
                "title": row.name,
                "start_date": row.starts.isoformat(),
                "due_date": row.ends.isoformat() if row.ends else None,
                "currency": row.currency,
                "primary_workspace_group_id": ids.client[row.customer_id],
                "archived": False,
            }
            for name, row in named
        ],
        "external_references": [
            {
                "id": name,
                "service_name": SERVICE,
                "service_model": "Workspace",
                "service_model_ref": row.project_id,
                "subject_type": "Workspace",
                "subject_id": name,
            }
            for name, row in named
        ],
    }


def _deal(ground: Ground, record_id: str, customer: Customer, project_id: str | None) -> dict[str, Any]:
    """An opportunity: of a running project, or one whose win only the process API tells of."""
    at = f"{ground.firm.month.isoformat()}T12:00:00Z"
    number = [row.customer_id for row in ground.base.customers].index(customer.customer_id) + 1
    return {
        "CreatedDate": at,
        "LastModifiedDate": at,
        "SystemModstamp": at,
        "Id": record_id,
        "AccountId": make_id("001", FIRST + number),
        "Name": f"Deal {record_id}",
        "StageName": WON if project_id else OPEN,
        "Amount": "1000",
        "CurrencyIsoCode": customer.currency,
        "CloseDate": ground.firm.month.isoformat(),
        "Legal_Entity__c": customer.entity,
        "Business_Unit__c": customer.business_unit,
        "Billing_Type__c": "Time & Materials",
        "Project_Code__c": project_id,
    }
