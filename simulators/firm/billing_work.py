"""Billing at month-end: billing events by entity, then payments and a few credit memos as intents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulators.firm.actions import GATEWAY, Action, CreditInvoice, OnInvoice, PayInvoice, Step
from simulators.firm.curve import Curve, local_moment
from simulators.firm.entities import month_end
from simulators.firm.masters import event
from simulators.firm.model import Project, stream

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

BILLING_CLIENT = "psa-billing"
SOURCE = "/psa/billing"
FIRST_EVENING_PERCENT = 70
"""Projects billed on the last evening but one of the month; the rest follow on the last day."""
PAID_PERCENT = 58
PART_PAID_PERCENT = 8
CREDITED_PERCENT = 4
OPEN_PAID_PERCENT = 50
WRITTEN_OFF_EVERY, REBILLED_EVERY = 3, 3
REASONS = ("Hours agreed to be dropped", "Travel not covered", "Goodwill")
AFTER_WORK = timedelta(hours=2)
"""Nobody bills what was approved a minute ago."""


def billing_work(
    firm: Firm,
    curves: dict[str, Curve],
    *,
    ready: dict[str, datetime],
    start: datetime,
    end: datetime,
    seed: int,
) -> Iterator[Step]:
    """Billing of every project that has something to bill (`ready`: since when), and what follows."""
    moments = stream(seed, "workload/billing")
    money = stream(seed, "workload/payments")
    for number, project in enumerate(firm.projects, start=1):
        at = _billed_at(firm, project, start, end, moments)
        # Drawn in any case, so that one project more or less shifts no other.
        follow = list(_after_billing(firm, project, number, at, money))
        since = ready.get(project.project_id)
        if since is None:
            continue
        late_by = max(timedelta(0), since + AFTER_WORK - at)
        if at + late_by < end:
            yield _billing_event(firm, project, number, at + late_by)
            yield from (_moved(step, late_by) for step in follow)
    yield from _open_invoices(firm, curves, money)


def _billed_at(firm: Firm, project: Project, start: datetime, end: datetime, rng: random.Random) -> datetime:
    last = month_end(firm.month)
    zone = firm.entities[project.entity].time_zone
    first_evening = rng.randint(1, 100) <= FIRST_EVENING_PERCENT
    day = last - timedelta(days=1) if first_evening else last
    minutes = rng.randrange(180) if first_evening else rng.randrange(-480, 120)
    at = local_moment(zone, day, 18) + timedelta(minutes=minutes, seconds=rng.randrange(60))
    if start <= at < end:
        return at
    # A window that does not hold the month's end bills in its second half.
    return start + (end - start) * rng.randint(50, 80) / 100


def _billing_event(firm: Firm, project: Project, number: int, at: datetime) -> Action:
    last = month_end(firm.month).isoformat()
    data: dict[str, Any] = {
        "document_id": billing_event_id(firm, number),
        "legal_entity": project.entity,
        "region": firm.entities[project.entity].region,
        "business_unit": project.business_unit,
        "accounting_date": last,
        "project_id": project.project_id,
        "customer_id": project.customer_id,
        "contract_id": project.contract_id,
        "currency": project.currency,
        "period": last[:7],
        "through": last,
    }
    return Action(
        at=at,
        actor=BILLING_CLIENT,
        entity=project.entity,
        system=GATEWAY,
        method="POST",
        path="/v1/transactions",
        json=event(
            "billing_event", data, source=SOURCE, time=at.strftime("%Y-%m-%dT%H:%M:%SZ"), verb="requested"
        ),
        expect=202,
        what="billing requested",
    )


def billing_event_id(firm: Firm, number: int) -> str:
    """The id of the month's billing of the firm's n-th project: `B-2610-00042`."""
    return f"B-{firm.month:%y%m}-{number:05d}"


def _after_billing(
    firm: Firm, project: Project, number: int, at: datetime, rng: random.Random
) -> Iterator[PayInvoice | CreditInvoice | OnInvoice]:
    paid, credited = rng.randint(1, 100), rng.randint(1, 100)
    paid_at = at + timedelta(minutes=rng.randrange(240, 2400), seconds=rng.randrange(60))
    credited_at = at + timedelta(minutes=rng.randrange(120, 1800), seconds=rng.randrange(60))
    part = Fraction(rng.randint(20, 80), 100)
    drop = Fraction(rng.randint(3, 15), 100)
    reason = rng.choice(REASONS)
    if paid <= PAID_PERCENT + PART_PAID_PERCENT:
        yield PayInvoice(
            at=paid_at,
            entity=project.entity,
            business_unit=project.business_unit,
            customer_id=project.customer_id,
            project_id=project.project_id,
            billing_event_id=billing_event_id(firm, number),
            share=Fraction(1) if paid <= PAID_PERCENT else part,
            payment_id=f"PAY-{firm.month:%y%m}-{number:05d}",
        )
    elif credited <= CREDITED_PERCENT * 100 // (100 - PAID_PERCENT - PART_PAID_PERCENT):
        # Only what is not paid yet is credited: an ERP refuses to credit more than is open.
        yield CreditInvoice(
            at=credited_at,
            entity=project.entity,
            business_unit=project.business_unit,
            customer_id=project.customer_id,
            project_id=project.project_id,
            billing_event_id=billing_event_id(firm, number),
            share=drop,
            reason=reason,
            credit_memo_id=f"CM-{firm.month:%y%m}-{number:05d}",
        )
    else:
        yield from _credit_control(firm, project, number, credited_at)


def _credit_control(firm: Firm, project: Project, number: int, at: datetime) -> Iterator[OnInvoice]:
    """Of what is neither paid nor credited, a little is written off and a little billed anew."""
    if number % WRITTEN_OFF_EVERY == 0:
        path, share, what = "/v1/processes/write-off", Fraction(1, 200), "written off"
        body = {"reason": "Bank charges, not worth a reminder", "approved_by": "head of credit control"}
    elif number % REBILLED_EVERY == 1:
        path, share, what = "/v1/processes/credit-and-rebill", None, "credited and billed again"
        body = {"reason": "Wrong purchase order on the invoice"}
    else:
        return
    yield OnInvoice(
        at=at,
        actor="credit-control",
        entity=project.entity,
        billing_event_id=billing_event_id(firm, number),
        path=path,
        body=body,
        share=share,
        what=what,
    )


def _moved(
    step: PayInvoice | CreditInvoice | OnInvoice, by: timedelta
) -> PayInvoice | CreditInvoice | OnInvoice:
    return replace(step, at=step.at + by) if by else step


def _open_invoices(firm: Firm, curves: dict[str, Curve], rng: random.Random) -> Iterator[PayInvoice]:
    for number, invoice in enumerate(firm.open_invoices, start=1):
        at = curves[invoice.entity].draw(rng)
        if at is not None and rng.randint(1, 100) <= OPEN_PAID_PERCENT:
            yield PayInvoice(
                at=at,
                entity=invoice.entity,
                business_unit=invoice.business_unit,
                customer_id=invoice.customer_id,
                project_id=invoice.project_id,
                invoice_id=invoice.invoice_id,
                payment_id=f"PAY-OPEN-{number:05d}",
            )
