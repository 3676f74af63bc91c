"""A record's JSON to a row of the books, type by type: what each property means in this account.

Property names are checked against `KNOWN` whatever `X-NetSuite-PropertyNameValidation` says, since no
client in use asks for less; `custbody_`, `custcol_`, `custentity_` and `custrecord_` fields pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from simulators.core.rows import (
    Contract,
    ContractLine,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    InvoiceLine,
    MasterRow,
    MilestoneRow,
    Payment,
    Project,
    RateCard,
    RoleRate,
    Row,
    TimeRow,
)
from simulators.erp.netsuite.account import ITEM_BILLS, Account
from simulators.erp.netsuite.errors import invalid, invalid_reference, user_error
from simulators.erp.netsuite.fields import Body

_COMMON = frozenset({"id", "externalId", "subsidiary", "currency", "links", "refName", "customForm"})
_ENTITY = _COMMON | {"entityId", "companyName", "email", "phone", "isInactive", "comments", "dateCreated"}
_TRAN = _COMMON | {"tranDate", "tranId", "memo", "entity", "department", "class", "location", "postingPeriod"}
KNOWN: dict[str, frozenset[str]] = {
    "customer": _ENTITY
    | {"isPerson", "firstName", "lastName", "terms", "vatRegNumber", "addressBook", "category", "entityStatus"},
    "employee": _ENTITY
    | {"firstName", "lastName", "department", "class", "title", "laborCost", "supervisor", "hireDate"},
    "job": _ENTITY
    | {
        "parent", "startDate", "projectedEndDate", "entityStatus", "department", "class", "location",
        "jobBillingType", "billingRateCard",
    },
    "billingRateCard": _COMMON | {"name", "isInactive", "rateCardPrices"},
    "salesOrder": _TRAN | {"endDate", "otherRefNum", "item", "orderStatus", "terms", "status"},
    "timeBill": _COMMON
    | {
        "customer", "employee", "tranDate", "hours", "item", "rate", "isBillable", "memo", "department",
        "class", "location", "timeType", "approvalStatus", "status",
    },
    "expenseReport": _TRAN | {"expense", "complete", "dueDate", "status", "total"},
    "charge": _COMMON
    | {
        "chargeType", "project", "salesOrder", "salesOrderLine", "amount", "chargeDate", "description",
        "stage", "memo", "use",
    },
    "invoice": _TRAN
    | {
        "dueDate", "job", "item", "terms", "otherRefNum", "createdFrom", "status", "total", "subtotal",
        "taxTotal", "amountRemaining",
    },
    "creditMemo": _TRAN
    | {"job", "item", "apply", "createdFrom", "status", "total", "subtotal", "taxTotal", "applied"},
    "customerPayment": _TRAN | {"customer", "payment", "apply", "account", "checkNum", "undepFunds", "status"},
}  # fmt: skip
_ORDER_LINE = frozenset({"line", "item", "description", "taxCode", "class", "department", "amount", "quantity",
                         "rate", "isClosed", "links"})  # fmt: skip
_BILL_LINE = _ORDER_LINE | {"tax1Amt", "location", "grossAmt"}
_EXPENSE_LINE = frozenset({"line", "category", "expenseDate", "amount", "currency", "customer", "isBillable",
                           "department", "class", "memo", "links", "location"})  # fmt: skip
_APPLY_LINE = frozenset({"doc", "apply", "amount", "line", "links", "refNum", "due", "total", "type"})
_PRICE = frozenset({"billingClass", "currency", "rate", "effectiveDate", "links"})
_ADDRESS = frozenset({"defaultBilling", "defaultShipping", "label", "addressBookAddress", "links"})
MAX_HOURS = 1_000_000
_NET_DAYS = re.compile(r"net (\d{1,3})\Z", re.IGNORECASE)


def read(record_type: str, data: Any, account: Account, external_id: str) -> Row:
    """The row a record's JSON describes; raises SuiteTalkError naming the property that is wrong."""
    body = Body(data)
    body.only(KNOWN[record_type])
    row = _READERS[record_type](body, account)
    row.external_id = external_id
    custom = body.custom()
    if custom:
        row.extra["custom"] = custom
    return row


def _customer(body: Body, account: Account) -> Customer:
    entity = account.entity(body)
    home = account.books.firm.entities[entity]
    country, address = home.country, ""
    for line in body.lines("addressBook", _ADDRESS):
        place = Body(line.data.get("addressBookAddress") or {}, line.path("addressBookAddress"))
        country, address = place.name_of("country", country), place.text("addr1", "")
    found = _NET_DAYS.match(body.name_of("terms", "Net 30"))
    person = f"{body.text('firstName', '')} {body.text('lastName', '')}".strip()
    name = body.text("companyName", person or None)
    if not name:
        raise invalid("Please enter value(s) for: companyName.", "companyName")
    return Customer(
        name=name,
        currency=account.currency(body, home.currency),
        country=country,
        entity=entity,
        tax_registration=body.text("vatRegNumber", "") or None,
        email=body.text("email", "") or None,
        terms_days=int(found[1]) if found else 30,
        active=not body.flag("isInactive", default=False),
        extra={"addr1": address} if address else {},
    )


def _employee(body: Body, account: Account) -> MasterRow:
    kept = {
        name: body.text(name)
        for name in ("entityId", "firstName", "lastName", "email", "title")
        if name in body
    }
    kept |= {name: body.name_of(name) for name in ("department", "class") if name in body}
    entity = account.entity(body)
    return MasterRow(
        of="employee", entity=entity, active=not body.flag("isInactive", default=False), extra=kept
    )


def _job(body: Body, account: Account) -> Project:
    status = body.name_of("entityStatus", "In Progress")
    idle = body.flag("isInactive", default=False) or status.casefold() in ("closed", "cancelled")
    customer = account.row(body, "parent", "customer")
    contract_id = account.row(body, "custentity_sales_order", "contract")
    contract = account.books.by_vendor_id("contract", contract_id)
    assert isinstance(contract, Contract)
    return Project(
        customer=customer,
        contract=contract_id,
        entity=account.entity(body),
        name=body.text("companyName"),
        currency=account.currency(body, contract.currency),
        dims=account.dims(body),
        status="closed" if idle else "active",
        starts=body.day("startDate") if "startDate" in body else None,
        ends=body.day("projectedEndDate") if "projectedEndDate" in body else None,
        extra={"isInactive": True} if body.flag("isInactive", default=False) else {},
    )


def _rate_card(body: Body, account: Account) -> RateCard:
    rates, currency = [], ""
    for line in body.lines("rateCardPrices", _PRICE):
        currency = account.currency(
            line, currency or account.books.firm.entities[account.entities[0]].currency
        )
        rates.append(
            RoleRate(
                role=line.name_of("billingClass"),
                hourly_minor=line.minor("rate", currency),
                starts=line.day("effectiveDate", date(1970, 1, 1)),
            )
        )
    return RateCard(currency=currency, rates=rates, name=body.text("name"), entity=account.entity(body))


def _sales_order(body: Body, account: Account) -> Contract:
    entity = account.entity(body)
    customer = account.row(body, "entity", "customer")
    currency = account.currency(body, account.books.firm.entities[entity].currency)
    lines = [
        ContractLine(
            line=line.whole("line", at),
            bills=_bills(line),
            description=line.text("description", ""),
            tax_code=_tax_code(line, account, entity),
            service_line=line.name_of("class"),
            amount_minor=line.maybe_minor("amount", currency),
        )
        for at, line in enumerate(body.lines("item", _ORDER_LINE), start=1)
    ]
    if not lines:
        raise user_error("You must enter at least one line item for this transaction.", "item")
    fixed = body.text("custbody_billing_type", "time_and_materials") == "fixed_fee"
    return Contract(
        customer=customer,
        entity=entity,
        currency=currency,
        billing="fixed_fee" if fixed else "time_and_materials",
        rate_card=account.maybe_row(body, "custbody_rate_card", "rate_card") or None,
        starts=body.day("tranDate"),
        ends=body.day("endDate") if "endDate" in body else None,
        lines=lines,
        active=body.name_of("orderStatus", "B") != "H",
    )


def _bills(line: Body) -> Any:
    item = line.name_of("item")
    if item not in ITEM_BILLS:
        raise invalid_reference(item or "(none)", line.path("item"))
    return ITEM_BILLS[item]


def _tax_code(line: Body, account: Account, entity: str) -> str:
    code = line.name_of("taxCode", account.books.firm.entities[entity].tax_code)
    if code not in account.books.firm.tax_codes:
        raise invalid_reference(code, line.path("taxCode"))
    return code


def _time_bill(body: Body, account: Account) -> TimeRow:
    project_id = account.row(body, "customer", "project")
    project = account.books.by_vendor_id("project", project_id)
    assert isinstance(project, Project)
    worked = body.day("tranDate")
    return TimeRow(
        project=project_id,
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
    )


def _expense_report(body: Body, account: Account) -> ExpenseRow:
    lines = list(body.lines("expense", _EXPENSE_LINE))
    if len(lines) != 1:
        raise user_error("This account keeps one expense line a report.", "expense.items")
    line = lines[0]
    project_id = account.row(line, "customer", "project")
    project = account.books.by_vendor_id("project", project_id)
    assert isinstance(project, Project)
    currency = account.currency(line, account.currency(body, project.currency))
    posted = body.day("tranDate")
    return ExpenseRow(
        project=project_id,
        employee=account.employee(body, "entity", project.entity),
        expense_date=line.day("expenseDate", posted),
        posting_date=posted,
        category=line.name_of("category", "Other"),
        amount_minor=line.minor("amount", currency),
        currency=currency,
        billable=line.flag("isBillable", default=False),
        dims=account.dims(line, project.dims),
        notes=line.text("memo", ""),
    )


def _charge(body: Body, account: Account) -> MilestoneRow:
    project_id = account.row(body, "project", "project")
    project = account.books.by_vendor_id("project", project_id)
    assert isinstance(project, Project)
    currency = account.currency(body, project.currency)
    done = body.day("chargeDate")
    return MilestoneRow(
        project=project_id,
        contract=account.maybe_row(body, "salesOrder", "contract") or project.contract,
        contract_line=body.whole("salesOrderLine", 1),
        name=body.text("description", "Charge"),
        amount_minor=body.minor("amount", currency),
        currency=currency,
        completed_on=done,
        posting_date=body.day("custcol_posting_date", done),
    )


def _bill_lines(body: Body, account: Account, entity: str, currency: str) -> list[InvoiceLine]:
    lines = [
        InvoiceLine(
            line=line.whole("line", at),
            description=line.text("description", ""),
            net_minor=line.minor("amount", currency),
            tax_code=_tax_code(line, account, entity),
            tax_minor=line.maybe_minor("tax1Amt", currency),
            minutes=_quantity_minutes(line),
            dims=account.dims(line),
            source=ITEM_BILLS.get(line.name_of("item"), ""),
        )
        for at, line in enumerate(body.lines("item", _BILL_LINE), start=1)
    ]
    if not lines:
        raise user_error("You must enter at least one line item for this transaction.", "item")
    return lines


def _quantity_minutes(line: Body) -> int | None:
    hours = line.data.get("quantity")
    if hours is None or ITEM_BILLS.get(line.name_of("item")) != "time":
        return None
    if not isinstance(hours, int | Decimal) or isinstance(hours, bool) or abs(Decimal(hours)) > MAX_HOURS:
        raise invalid("Invalid number (must be numeric) for quantity.", line.path("quantity"))
    return round(Decimal(hours) * 60)


def _invoice(body: Body, account: Account) -> Invoice:
    entity = account.entity(body)
    customer = account.row(body, "entity", "customer")
    currency = account.currency(body, account.books.firm.entities[entity].currency)
    return Invoice(
        customer=customer,
        project=account.maybe_row(body, "job", "project"),
        contract=account.maybe_row(body, "custbody_sales_order", "contract"),
        entity=entity,
        currency=currency,
        posting_date=body.day("tranDate"),
        due_date=body.day("dueDate") if "dueDate" in body else None,
        lines=_bill_lines(body, account, entity, currency),
    )


def _applied(body: Body, account: Account) -> tuple[str, Body]:
    lines = [line for line in body.lines("apply", _APPLY_LINE) if line.flag("apply", default=True)]
    if len(lines) != 1:
        raise user_error("This account applies a credit or payment to one invoice.", "apply.items")
    return account.row(lines[0], "doc", "invoice"), lines[0]


def _credit_memo(body: Body, account: Account) -> CreditMemo:
    entity = account.entity(body)
    account.row(body, "entity", "customer")
    invoice_id, _ = _applied(body, account)
    invoice = account.books.by_vendor_id("invoice", invoice_id)
    assert isinstance(invoice, Invoice)
    currency = account.currency(body, invoice.currency)
    return CreditMemo(
        invoice=invoice_id,
        currency=currency,
        posting_date=body.day("tranDate"),
        lines=_bill_lines(body, account, entity, currency) if "item" in body else [],
        reason=body.text("memo", ""),
    )


def _payment(body: Body, account: Account) -> Payment:
    account.row(body, "customer", "customer")
    invoice_id, line = _applied(body, account)
    invoice = account.books.by_vendor_id("invoice", invoice_id)
    assert isinstance(invoice, Invoice)
    currency = account.currency(body, invoice.currency)
    amount = body.minor("payment", currency)
    if "amount" in line and line.minor("amount", currency) != amount:
        raise user_error("The applied amount must equal the payment.", line.path("amount"))
    return Payment(
        invoice=invoice_id,
        currency=currency,
        amount_minor=amount,
        posting_date=body.day("tranDate"),
        reference=body.text("memo", ""),
    )


_READERS: dict[str, Callable[[Body, Account], Row]] = {
    "customer": _customer,
    "employee": _employee,
    "job": _job,
    "billingRateCard": _rate_card,
    "salesOrder": _sales_order,
    "timeBill": _time_bill,
    "expenseReport": _expense_report,
    "charge": _charge,
    "invoice": _invoice,
    "creditMemo": _credit_memo,
    "customerPayment": _payment,
}
