"""Which BAPI a document goes through: one place, by kind. Pure."""

from __future__ import annotations

from router.canonical.billing import BillingEvent, CreditMemo, Invoice, Payment, RevenueSchedule, WriteOff
from router.canonical.masters import (
    Assignment,
    Contact,
    Contract,
    Customer,
    Project,
    RateCard,
    Resource,
    Task,
)
from router.canonical.work import ChangeOrder, Charge, Milestone
from router.connectors.sap_ecc import agreements, masters, people, receivables
from router.connectors.sap_ecc.payloads import Call, Source


def call_of(source: Source, *, known: str, cancel: bool) -> Call:
    """The call of a document that is not sent by IDoc; raises Unfit, Unmapped."""
    document = source.delivery.document
    match document:
        case Customer():
            return masters.customer(document, source, known=known, cancel=cancel)
        case Contract():
            return agreements.contract(document, source, known=known, cancel=cancel)
        case Project():
            return masters.project(document, source, known=known, cancel=cancel)
        case Contact():
            return masters.contact(document, source, known=known)
        case Task():
            return masters.task(document, source, known=known)
        case Resource():
            return people.resource(document, source, known=known)
        case Assignment():
            return people.assignment(document, source, known=known)
        case RateCard():
            return masters.rate_card(document, source)
        case Milestone() | Charge() | ChangeOrder() | RevenueSchedule():
            return _agreed(document, source)
        case BillingEvent():
            return receivables.billing_event(document, source)
        case Invoice():
            return receivables.invoice(document, source)
        case CreditMemo():
            return receivables.credit_memo(document, source)
        case WriteOff():
            return receivables.write_off(document, source)
        case _:
            assert isinstance(document, Payment)
            return receivables.payment(document, source)


def _agreed(document: Milestone | Charge | ChangeOrder | RevenueSchedule, source: Source) -> Call:
    match document:
        case Milestone():
            return agreements.milestone(document, source)
        case Charge():
            return agreements.charge(document, source)
        case ChangeOrder():
            return agreements.change_order(document, source)
        case _:
            return agreements.revenue_schedule(document, source)
