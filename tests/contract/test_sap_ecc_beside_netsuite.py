"""The same documents in both ERPs read back alike: what a dual run would call a difference is one of theirs, not of a connector."""

from __future__ import annotations

from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import Kind, parse
from router.connectors.port import Record
from tests.contract import netsuite_bench, sap_ecc_bench
from tests.contract.erp_contract import (
    Bench,
    assignment,
    billing_event,
    chain,
    change_order,
    charge,
    contact,
    contract_line,
    credit_memo,
    expense_item,
    invoice,
    journal_entry,
    milestone,
    payment,
    resource,
    revenue_schedule,
    task,
    time_entry,
    write_off,
)

LINES = [
    contract_line(1, "time", cap="800"),
    contract_line(2, "expenses", markup_basis_points=1250),
    contract_line(3, "milestones", fee="25000", revenue="milestone"),
    contract_line(4, "retainer", fee="900"),
    contract_line(5, "subscription", fee="600", revenue="straight_line"),
]
COMPARED = (
    "status", "legal_entity", "accounting_date", "currency", "net_minor", "tax_minor", "total_minor", "minutes", "project_id",
    "customer_id",
)  # fmt: skip
OWN = ("counterparty",)
"""What one ERP keeps on the lines and the other on the entry."""


def documents() -> list[Document]:
    """One or more of every kind, in an order in which each finds what it needs."""
    customer, card, terms, project = chain()
    contract = parse(terms.model_dump(mode="json", exclude_none=True) | {"lines": LINES})
    half = charge(2, amount="300", line=5, service_from="2026-10-16", service_until="2026-10-31")
    return [
        customer, card, contract, project, contact(1), task(1), resource(), assignment(1, minutes=37),
        change_order(1, 2, LINES), charge(1), half,
        time_entry(1, minutes=420, covered_by="retainer"), time_entry(2, minutes=420), time_entry(3, minutes=-60, adjusts="T-2"),
        expense_item(1, amount="100", bill_amount="112.50"), expense_item(2, amount="-40", bill_amount="-45", adjusts="X-1"),
        expense_item(3, billable=False), milestone(1), billing_event(), invoice(1), write_off(1, invoice(1), "20.50"),
        invoice(2), credit_memo(1, invoice(2)), invoice(3), payment(1, invoice(3), "120"), revenue_schedule(1),
        journal_entry(1),
        journal_entry(2, purpose="intercompany", counterparty="DE01", project_id=None),
    ]  # fmt: skip


KINDS: tuple[Kind, ...] = (
    "customer", "contact", "project", "task", "assignment", "time_entry", "expense_item", "milestone", "charge", "change_order",
    "invoice", "credit_memo", "payment", "write_off", "revenue_schedule", "journal_entry",
)  # fmt: skip


def shown(record: Record) -> dict[str, Any]:
    """A record without what only its own ERP can know."""
    lines = [{name: value for name, value in line.items() if name not in OWN} for line in record.lines]
    return {name: getattr(record, name) for name in COMPARED} | {"lines": lines}


async def held(bench: Bench) -> dict[tuple[Kind, str], dict[str, Any]]:
    """Everything posted, and read back by kind and our id."""
    for document in documents():
        await bench.posted(document)
    found = {}
    for kind in KINDS:
        for record in await bench.connector.read_back(
            kind, legal_entities=["UK01"], since="2026-01-01", until="2027-01-01"
        ):
            found[kind, record.external_id] = shown(record)
    return found


def test_both_erps_hold_the_same() -> None:
    """Whole hours, so that not even hundredths tell them apart: every field of every kind, line by line."""
    legacy, cloud = sap_ecc_bench.run(held), netsuite_bench.run(held)
    assert {kind for kind, _ in legacy} == set(KINDS)
    assert legacy == cloud
    # 900.00 of time under a cap of 800.00, expenses of 67.50 with mark-up, charges of 900.00 and 300.00, a fee of 25,000.00.
    assert legacy["invoice", "BE-1"]["net_minor"] == 80000 + 6750 + 90000 + 30000 + 2500000
