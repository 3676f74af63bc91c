"""A record's JSON to a row of the books: which properties a record type has, and who reads it.

Property names are checked against `KNOWN` whatever `X-NetSuite-PropertyNameValidation` says, since no
client in use asks for less; `custbody_`, `custcol_`, `custentity_`, `custevent_` and `custrecord_` fields pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.core.rows import Row
from simulators.erp.netsuite import reads_billing, reads_masters, reads_work
from simulators.erp.netsuite.account import Account
from simulators.erp.netsuite.fields import Body

_COMMON = frozenset({"id", "externalId", "subsidiary", "currency", "links", "refName", "customForm"})
_ENTITY = _COMMON | {"entityId", "companyName", "email", "phone", "isInactive", "comments", "dateCreated"}
_TRAN = _COMMON | {"tranDate", "tranId", "memo", "entity", "department", "class", "location", "postingPeriod"}
KNOWN: dict[str, frozenset[str]] = {
    "customer": _ENTITY
    | {"isPerson", "firstName", "lastName", "terms", "vatRegNumber", "addressBook", "category", "entityStatus", "parent"},
    "contact": _ENTITY | {"firstName", "lastName", "title", "company"},
    "projectTask": _COMMON | {"project", "title", "nonBillableTask", "startDate", "constraintType", "estimatedWork"},
    "resourceAllocation": _COMMON
    | {
        "project", "allocationResource", "allocationAmount", "allocationUnit", "allocationType", "startDate",
        "endDate", "notes",
    },
    "customrecord_change_order": _COMMON | {"recmachcustrecord_col_change_order", "name"},
    "customrecord_revenue_schedule": _COMMON | {"recmachcustrecord_rsl_schedule", "name"},
    "journalEntry": _TRAN | {"line", "exchangeRate", "reversalDate"},
    "employee": _ENTITY
    | {"firstName", "lastName", "department", "class", "title", "laborCost", "supervisor", "hireDate", "releaseDate"},
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
        "class", "location", "timeType", "caseTaskEvent", "approvalStatus", "status",
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
        "taxTotal", "amountRemaining", "exchangeRate",
    },
    "creditMemo": _TRAN
    | {"job", "item", "apply", "createdFrom", "status", "total", "subtotal", "taxTotal", "applied", "exchangeRate"},
    "customerPayment": _TRAN | {"customer", "payment", "apply", "account", "checkNum", "undepFunds", "status", "exchangeRate"},
}  # fmt: skip


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


_READERS: dict[str, Callable[[Body, Account], Row]] = {
    "customer": reads_masters.customer,
    "contact": reads_masters.contact,
    "employee": reads_masters.employee,
    "job": reads_masters.job,
    "projectTask": reads_masters.project_task,
    "resourceAllocation": reads_masters.resource_allocation,
    "billingRateCard": reads_masters.rate_card,
    "salesOrder": reads_masters.sales_order,
    "timeBill": reads_work.time_bill,
    "expenseReport": reads_work.expense_report,
    "charge": reads_work.charge,
    "customrecord_change_order": reads_work.change_order,
    "invoice": reads_billing.invoice,
    "creditMemo": reads_billing.credit_memo,
    "customerPayment": reads_billing.payment,
    "journalEntry": reads_billing.journal_entry,
    "customrecord_revenue_schedule": reads_billing.revenue_schedule,
}
