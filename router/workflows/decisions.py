"""What comes next in a process, pure: a settled step in, the next steps out.

The process initiate-project is a saga of five steps. Each step is a document or a job; when one is
refused for good, what was done before is taken back in reverse order and the CRM is told why.

    won ─► customer ─► contract ─► project ─► PSA project ─► project code in CRM ─► done
              └────────────┴────────────┴──────────┴──► refused: cancel what stands, tell the CRM
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from router.canonical.billing import BillingEvent, Invoice, Payment
from router.canonical.masters import Opportunity

Step = Literal["customer", "contract", "project", "psa_project", "crm_code", "done", "failed"]
STEPS: tuple[Step, ...] = ("customer", "contract", "project", "psa_project", "crm_code", "done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The step to take, or what to take back."""

    step: Step
    cancel: tuple[Step, ...] = ()
    why: str = ""


def after_step(step: Step, *, posted: bool, why: str, has_psa: bool, has_crm: bool) -> Next:
    """What follows a settled step of initiate-project."""
    if not posted:
        if step == "crm_code":
            # The project stands everywhere; only the note in the CRM is missing. Nothing is taken back.
            return Next(step="failed", why=why)
        done = STEPS[: STEPS.index(step)]
        return Next(
            step="failed", cancel=tuple(reversed([name for name in done if name != "crm_code"])), why=why
        )
    following = STEPS[STEPS.index(step) + 1]
    if following == "psa_project" and not has_psa:
        following = "crm_code"
    if following == "crm_code" and not has_crm:
        following = "done"
    return Next(step=following)


def process_id(opportunity: Opportunity) -> str:
    """The correlation id of the process an opportunity starts: the same at every sighting."""
    return f"initiate-project:{opportunity.document_id}"


def invoice_facts(event: BillingEvent, invoice: Invoice, *, note: str = "") -> Mapping[str, Any]:
    """What CRM and PSA are told of an invoice; `note` is what it must say of its tax."""
    return ({"tax_note": note} if note else {}) | {
        "project_id": event.project_id,
        "invoice_id": invoice.document_id,
        "number": invoice.number,
        "status": invoice.status,
        "total": str(invoice.total),
        "currency": invoice.currency,
        "period": event.period,
    }


def paid_status(invoice: Invoice, paid_minor: int) -> str:
    """Paid when all of an invoice is, else part paid; minor units of its currency."""
    return "paid" if paid_minor >= invoice.total.minor else "part_paid"


def payment_facts(payment: Payment, invoice: Invoice, paid_minor: int) -> Mapping[str, Any]:
    """What CRM and PSA are told of a payment."""
    return {
        "project_id": invoice.project_id,
        "invoice_id": invoice.document_id,
        "number": invoice.number,
        "status": paid_status(invoice, paid_minor),
        "amount": str(payment.amount),
        "total": str(invoice.total),
        "currency": payment.currency,
    }
