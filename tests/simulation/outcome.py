"""What a rehearsal came to, in terms of business: which ERP holds what, what CRM and PSA were told.

Times are left out, and vendor numbers are read as the documents they stand for: both depend on the order in
which things arrived, which a crash may change. Everything else must be the same however often, and wherever, the router died.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cutover.checks.nothing_lost import state_of
from cutover.rehearsal.rehearse import Rehearsal

ERP_FIELDS = (
    "entity", "date", "currency", "net_minor", "tax_minor", "total_minor", "minutes", "status", "project",
)  # fmt: skip
TOLD: dict[str, dict[str, tuple[str, ...]]] = {
    "kantata": {"external_references": ("service_model", "service_model_ref", "subject_type", "status", "external_status")},
    "salesforce": {
        "Opportunity": ("Name", "StageName", "Project_Code__c", "Project_Status__c", "Project_Problem__c",
                        "Last_Invoice_Number__c", "Last_Invoice_Status__c", "Invoiced_Total__c"),
    },
}  # fmt: skip
"""System → table → the fields the router writes back."""


def outcome(done: Rehearsal) -> dict[str, Any]:
    """Comparable: a dictionary whose keys name a document or a fact."""
    return {
        "verdict": done.report["verdict"],
        "violated": [row["name"] for row in done.report["invariants"] if not row["held"]],
        **dict(sorted(_erps(done))),
        **dict(sorted(_told(done))),
        **dict(sorted(_journal(done))),
    }


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """What differs, a line each."""
    return [
        f"{key}: {first.get(key)} ≠ {second.get(key)}"
        for key in sorted({**first, **second})
        if first.get(key) != second.get(key)
    ]


def _erps(done: Rehearsal) -> Iterator[tuple[str, Any]]:
    held: dict[str, list[Any]] = {}
    for name in done.world.options.landscape.of_role("erp"):
        state = done.world.simulators[name].sim.state()
        for row in state["documents"]:
            key = f"ERP {row['type']} {row['external_id'] or row['number']}"
            held.setdefault(key, []).append([name, *(row[field] for field in ERP_FIELDS)])
        for entity, accounts in state["trial_balance"].items():
            yield f"books {name} {entity}", dict(sorted(accounts.items()))
    yield from held.items()


def _told(done: Rehearsal) -> Iterator[tuple[str, Any]]:
    document_of: dict[str, str] = {}
    for name in done.world.options.landscape.of_role("erp"):
        for row in done.world.simulators[name].sim.state()["documents"]:
            if row["type"] == "invoice":
                document_of[row["number"]] = f"{name} {row['external_id']}"
    for system, tables in TOLD.items():
        records = done.world.simulators[system].sim.state()["records"]
        for table, fields in tables.items():
            rows = [[str(row.get(field)) for field in fields] for row in records[table]]
            yield (
                f"{system} {table}",
                sorted([document_of.get(value, value) for value in row] for row in rows),
            )


def _journal(done: Rehearsal) -> Iterator[tuple[str, Any]]:
    facts = done.facts
    states = state_of(facts)
    found: dict[str, list[Any]] = {}
    name_of = {row.seq: f"journal {row.kind} {row.document_id}" for row in facts.transactions}
    for row in facts.transactions:
        found.setdefault(name_of[row.seq], []).append([row.source, row.event_id, states[row.seq]])
    for job in facts.jobs:
        found[name_of[job.job_id // 1000]].append(
            [job.target, job.role, job.operation, job.external_id, job.state]
        )
    for name, rows in found.items():
        yield name, sorted(rows)
