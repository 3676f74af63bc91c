"""Canonical documents as NetSuite records, and which document each reference stands for. Pure.

Which record type a kind is stands here; what its properties are called stands in the mapping file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.connectors.mapping import Unmapped
from router.connectors.netsuite import billing, masters, work
from router.connectors.netsuite.vocabulary import Vocabulary, no
from router.connectors.netsuite.writer import Call, Json, Unfit, Writer, without_none
from router.connectors.port import Delivery

RECORD_TYPES: Mapping[Kind, str] = {
    "customer": "customer",
    "contact": "contact",
    "rate_card": "billingRateCard",
    "contract": "salesOrder",
    "project": "job",
    "task": "projectTask",
    "resource": "employee",
    "assignment": "resourceAllocation",
    "time_entry": "timeBill",
    "expense_item": "expenseReport",
    "milestone": "charge",
    "charge": "charge",
    "change_order": "customrecord_change_order",
    "billing_event": "invoice",
    "invoice": "invoice",
    "credit_memo": "creditMemo",
    "payment": "customerPayment",
    "write_off": "creditMemo",
    "revenue_schedule": "customrecord_revenue_schedule",
    "journal_entry": "journalEntry",
}
MASTERS = frozenset(
    {"customer", "contact", "rate_card", "contract", "project", "task", "resource", "assignment"}
)
"""Kinds that may be sent again: upserted by external id. Everything else is created once."""
_BUILDERS: Mapping[Kind, Callable[[Any, Writer], Json]] = {
    "customer": masters.customer,
    "contact": masters.contact,
    "rate_card": masters.rate_card,
    "contract": masters.contract,
    "project": masters.project,
    "task": masters.task,
    "resource": masters.resource,
    "assignment": masters.assignment,
    "time_entry": work.time_entry,
    "expense_item": work.expense_item,
    "milestone": work.milestone,
    "charge": work.charge,
    "change_order": work.change_order,
    "billing_event": billing.billing_event,
    "invoice": billing.invoice,
    "credit_memo": billing.credit_memo,
    "payment": billing.payment,
    "write_off": billing.write_off,
    "revenue_schedule": billing.revenue_schedule,
    "journal_entry": billing.journal_entry,
}
KINDS = frozenset(_BUILDERS)


def build(delivery: Delivery, subsidiaries: Mapping[str, str], words: Vocabulary) -> Call:
    """The record of a delivery; raises Unfit with the answer when it can't be written."""
    document = delivery.document
    if words.gaps and (gap := words.gap(document.kind)):
        raise Unfit(gap)
    writer = Writer(delivery, subsidiaries, words, words.fields[document.kind])
    try:
        body = _BUILDERS[document.kind](document, writer)
    except Unmapped as unmapped:
        raise Unfit(no(unmapped)) from unmapped
    return Call(body=orjson.dumps(without_none(body)), needed=writer.needed)


def cancellation(document: Document, words: Vocabulary) -> Json:
    """The change that takes a master out of use; raises Unfit when the mapping does not cover it.

    A sales order is closed, entities are made inactive.
    """
    if gap := words.gap(document.kind):
        raise Unfit(gap)
    names = words.fields[document.kind]
    if document.kind == "contract":
        return {names["status"]: {"id": "H"}}
    return {names["cancelled" if document.kind == "project" else "status"]: True}
