"""Work, and changes to what was agreed, as NetSuite records. Pure."""

from __future__ import annotations

from router.canonical.work import ChangeOrder, Charge, ExpenseItem, Milestone, TimeEntry
from router.connectors.netsuite.decisions import duration
from router.connectors.netsuite.masters import contract_lines
from router.connectors.netsuite.writer import Json, Writer, amount, day, maybe_amount, named, without_none


def time_entry(document: TimeEntry, w: Writer) -> Json:
    """A time bill."""
    f = w.fields
    return {
        **w.head(),
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["task_id"]: w.known(f["task_id"], "task", document.task_id),
        f["resource_id"]: w.by_external_id(f["resource_id"], "resource", document.resource_id),
        f["work_date"]: document.work_date.isoformat(),
        f["minutes"]: duration(document.minutes),
        f["role"]: {"refName": document.role},
        f["bill_rate"]: amount(document.bill_rate),
        f["billable"]: document.billable,
        f["notes"]: document.notes or None,
        **w.dimensions(f, document),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["adjusts"]: document.adjusts,
        f["part_of"]: document.part_of,
        f["covered_by"]: document.covered_by,
    }


def expense_item(document: ExpenseItem, w: Writer) -> Json:
    """An expense report of one line; what the customer pays is a field of its own where it is not the cost."""
    f, g = w.fields, w.part("lines")
    line = {
        g["category"]: {"refName": document.category},
        g["expense_date"]: document.expense_date.isoformat(),
        g["amount"]: amount(document.amount),
        g["currency"]: {"refName": document.currency},
        g["project_id"]: w.reference(f"{f['lines']}.items.{g['project_id']}", "project", document.project_id),
        g["billable"]: document.billable,
        g["notes"]: document.notes,
        **w.dimensions(g, document),
        g["bill_amount"]: maybe_amount(document.bill_amount),
        g["adjusts"]: document.adjusts,
        g["part_of"]: document.part_of,
    }
    return {
        **w.head(),
        f["resource_id"]: w.by_external_id(f["resource_id"], "resource", document.resource_id),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["currency"]: {"refName": document.currency},
        f["lines"]: {"items": [without_none(line)]},
    }


def milestone(document: Milestone, w: Writer) -> Json:
    """A charge of type milestone."""
    return {**_charge(document, w, "Milestone"), w.fields["completed_on"]: document.completed_on.isoformat()}


def charge(document: Charge, w: Writer) -> Json:
    """A charge at a fixed date, the first day of service: it is due then."""
    f = w.fields
    return {
        **_charge(document, w, "Fixed Date"),
        f["completed_on"]: document.service_from.isoformat(),
        f["service_from"]: document.service_from.isoformat(),
        f["service_until"]: document.service_until.isoformat(),
    }


def _charge(document: Milestone | Charge, w: Writer, charge_type: str) -> Json:
    f = w.fields
    return {
        **w.head(),
        f["kind"]: {"refName": charge_type},
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["contract_id"]: w.reference(f["contract_id"], "contract", document.contract_id),
        f["contract_line"]: document.contract_line,
        f["amount"]: amount(document.amount),
        f["currency"]: named(document.currency),
        f["name"]: document.name,
        f["status"]: {"refName": "Ready For Billing"},
        f["accounting_date"]: document.accounting_date.isoformat(),
    }


def change_order(document: ChangeOrder, w: Writer) -> Json:
    """A custom record with the whole contract as it then stands; see the package for why it is one."""
    f = w.fields
    return {
        **w.head(),
        f["contract_id"]: w.reference(f["contract_id"], "contract", document.contract_id),
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["currency"]: named(document.currency),
        f["contract_version"]: document.contract_version,
        f["effective"]: document.effective.isoformat(),
        f["ends"]: day(document.ends),
        f["reason"]: document.reason or None,
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["lines"]: {"items": contract_lines(document.lines, w.part("lines"), w)},
    }
