"""Work, and changes to what was agreed, from a record's JSON."""

from __future__ import annotations

from typing import Any

from simulators.core.rows import ChangeOrder, ChargeRow, Contract, ExpenseRow, MilestoneRow, TimeRow
from simulators.erp.netsuite.account import Account
from simulators.erp.netsuite.errors import invalid, user_error
from simulators.erp.netsuite.fields import Body
from simulators.erp.netsuite.reads_masters import MAX_VERSION, changed_line, whole

_EXPENSE_LINE = frozenset({"line", "category", "expenseDate", "amount", "currency", "customer", "isBillable",
                           "department", "class", "memo", "links", "location"})  # fmt: skip
FIXED_DATE = "Fixed Date"


def time_bill(body: Body, account: Account) -> TimeRow:
    """Hours of a person on a project."""
    project = account.project(body, "customer")
    worked = body.day("tranDate")
    task = account.maybe_row(body, "caseTaskEvent", "projectTask")
    part_of = body.text("custcol_part_of", "")
    covered = body.text("custcol_covered_by", "")
    if covered not in ("", "retainer"):
        raise user_error(f"Invalid custcol_covered_by {covered[:40]}.", "custcol_covered_by")
    return TimeRow(
        project=project.vendor_id,
        employee=account.employee(body, "employee", project.entity),
        work_date=worked,
        posting_date=body.day("custcol_posting_date", worked),
        minutes=body.minutes("hours"),
        role=body.name_of("item", "Time"),
        rate_minor=body.maybe_minor("rate", project.currency) or 0,
        billable=body.flag("isBillable", default=True),
        dims=account.dims(body, project.dims),
        notes=body.text("memo", ""),
        adjusts=body.text("custcol_adjusts", ""),
        covered=covered,
        extra={**({"task": task} if task else {}), **({"part_of": part_of} if part_of else {})},
    )


def expense_report(body: Body, account: Account) -> ExpenseRow:
    """An expense report of one line."""
    lines = list(body.lines("expense", _EXPENSE_LINE))
    if len(lines) != 1:
        raise user_error("This account keeps one expense line a report.", "expense.items")
    line = lines[0]
    project = account.project(line, "customer")
    currency = account.currency(line, account.currency(body, project.currency))
    posted = body.day("tranDate")
    part_of = line.text("custcol_part_of", "")
    return ExpenseRow(
        project=project.vendor_id,
        employee=account.employee(body, "entity", project.entity),
        expense_date=line.day("expenseDate", posted),
        posting_date=posted,
        category=line.name_of("category", "Other"),
        amount_minor=line.minor("amount", currency),
        currency=currency,
        billable=line.flag("isBillable", default=False),
        dims=account.dims(line, project.dims),
        notes=line.text("memo", ""),
        bill_minor=line.maybe_minor("custcol_bill_amount", currency),
        adjusts=line.text("custcol_adjusts", ""),
        extra={"part_of": part_of} if part_of else {},
    )


def charge(body: Body, account: Account) -> MilestoneRow | ChargeRow:
    """A milestone or, by its type, a charge for a span of days."""
    project = account.project(body, "project")
    currency = account.currency(body, project.currency)
    done = body.day("chargeDate")
    contract = account.maybe_row(body, "salesOrder", "salesOrder") or project.contract
    line, name = body.whole("salesOrderLine", 1), body.text("description", "Charge")
    amount, posted = body.minor("amount", currency), body.day("custcol_posting_date", done)
    if body.name_of("chargeType", "Milestone") != FIXED_DATE:
        return MilestoneRow(
            project=project.vendor_id, contract=contract, contract_line=line, name=name, amount_minor=amount,
            currency=currency, completed_on=done, posting_date=posted,
        )  # fmt: skip
    first, last = body.day("custcol_service_from", done), body.day("custcol_service_until", done)
    if last < first:
        raise user_error("The end of service must not be before its start.", "custcol_service_until")
    return ChargeRow(
        project=project.vendor_id, contract=contract, contract_line=line, name=name, amount_minor=amount,
        currency=currency, service_from=first, service_until=last, posting_date=posted,
    )  # fmt: skip


def change_order(body: Body, account: Account) -> ChangeOrder:
    """The whole contract as it then stands; the account's script puts it on the sales order when it is saved."""
    order_id = account.row(body, "custrecord_co_sales_order", "salesOrder")
    order = account.books.by_vendor_id("contract", order_id)
    assert isinstance(order, Contract)
    currency = account.currency(body, order.currency, "custrecord_co_currency")
    if currency != order.currency:
        raise user_error(f"The sales order is in {order.currency}.", "custrecord_co_currency")
    sublist = "recmachcustrecord_col_change_order"
    terms: dict[str, Any] = {}
    lines = [
        changed_line(line, at, account, order.entity, currency, terms)
        for at, line in enumerate(body.lines(sublist, ()), start=1)
    ]
    if not lines:
        raise user_error("You must enter at least one line of the change order.", sublist)
    effective = body.day("custrecord_co_effective")
    if effective < order.starts:
        raise invalid("The change takes effect before the sales order starts.", "custrecord_co_effective")
    return ChangeOrder(
        contract=order_id,
        project=account.maybe_row(body, "custrecord_co_project", "job"),
        version=whole(body, "custrecord_co_version", 0, MAX_VERSION),
        effective=effective,
        ends=body.maybe_day("custrecord_co_ends"),
        reason=body.text("custrecord_co_reason", ""),
        lines=lines,
        posting_date=body.day("custrecord_co_posting_date", effective),
        extra={"terms": terms},
    )
