"""Records of invoices as connectors read them back, made by the books of a simulated ERP of any personality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from router.connectors.port import BilledWork, Record
from router.model import SystemId
from simulators.core.books import Books
from simulators.core.firm_data import Personality
from simulators.core.rows import Contract, ExpenseRow, Invoice, TimeRow, WorkRow
from tests.unit.sim_books import DAY, MONTH_END, bill, books

RATES = {"GB-STD": 2000, "JP-STD": 1000, "BH-STD": 1000, "ZERO": 0}
KINDS = {"time": "time_entry", "expense": "expense_item", "milestone": "milestone", "charge": "charge"}
Hours = tuple[str, str, int, int]
"""Role, service line, minutes, rate in minor units."""


def invoiced(
    personality: Personality,
    hours: Sequence[Hours],
    *,
    entity: str = "UK01",
    expenses: Sequence[int] = (),
    cap_minor: int | None = None,
    system: str = "sap_ecc",
) -> Record:
    """One invoice `B1` of this work; `cap_minor` caps the consulting line of the contract."""
    made = books(personality, entity)
    if cap_minor is not None:
        contract = made.get("contract", "K1")
        assert isinstance(contract, Contract)
        contract.lines[0] = replace(contract.lines[0], cap_minor=cap_minor)
    for n, (role, service_line, minutes, rate) in enumerate(hours):
        made.add_time(
            TimeRow(
                external_id=f"T-{n}", project="P1", posting_date=DAY, employee="E1", work_date=DAY, role=role,
                rate_minor=rate, minutes=minutes, dims={"service_line": service_line, "department": "DELIVERY"},
            )
        )  # fmt: skip
    for n, amount in enumerate(expenses):
        made.add_expense(
            ExpenseRow(
                external_id=f"X-{n}", project="P1", posting_date=DAY, employee="E1", expense_date=DAY,
                category="TRAVEL", amount_minor=amount, dims={"service_line": "CONSULTING"},
            )
        )  # fmt: skip
    return record_of(made, bill(made), system)


def record_of(made: Books, invoice: Invoice, system: str) -> Record:
    """An invoice with its lines and the work it billed."""
    rows = [row for row_type in KINDS for row in made.rows(row_type) if isinstance(row, WorkRow)]
    return Record(
        system=SystemId(system), kind="invoice", external_id=invoice.external_id, vendor_id=invoice.vendor_id,
        number=invoice.number, status=invoice.status, legal_entity=invoice.entity,
        accounting_date=MONTH_END.isoformat(), currency=invoice.currency, net_minor=invoice.net_minor,
        tax_minor=invoice.tax_minor, total_minor=invoice.total_minor,
        lines=tuple(
            {"line": line.line, "description": line.description, "net_minor": line.net_minor,
             "tax_minor": line.tax_minor, "tax_code": line.tax_code, "minutes": line.minutes}
            for line in invoice.lines
        ),
        billed=tuple(_billed(row) for row in rows if row.invoice == invoice.vendor_id),
    )  # fmt: skip


def _billed(row: WorkRow) -> BilledWork:
    work = BilledWork(
        kind=KINDS[row.type],
        external_id=row.external_id,
        line=row.invoice_line,
        amount_minor=row.taken_minor,
    )
    if not isinstance(row, TimeRow):
        return work
    return replace(work, minutes=row.minutes, hundredths=row.hundredths, rate_minor=row.rate_minor)
