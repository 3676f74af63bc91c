"""What can happen in a workload: a request to a system, or an intent that billing has to fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One request to a source system or the gateway; `at` is UTC."""

    at: datetime
    actor: str
    """Who does it: a person's id, or the client's name at the gateway."""
    entity: str
    system: str
    """The system's name in the landscape, or `gateway`."""
    method: str
    path: str
    json: Mapping[str, Any]
    expect: int = 200
    documents: int = 1
    """How many transactions the router should see of it, once approved or posted."""
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayInvoice:
    """A customer pays a share of what was billed; the amount is known only after billing.

    Exactly one of `billing_event_id` and `invoice_id` (an invoice open from before) is given.
    """

    at: datetime
    actor: str = "bank"
    entity: str
    business_unit: str
    customer_id: str
    project_id: str | None
    billing_event_id: str | None = None
    invoice_id: str | None = None
    share: Fraction = field(default=Fraction(1))
    """Of the invoice's total."""
    payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnInvoice:
    """Credit control does something with an invoice once it stands: a process API is asked."""

    at: datetime
    actor: str
    entity: str
    billing_event_id: str
    path: str
    body: Mapping[str, Any]
    """Without `invoice_id` and amounts, which are known only after billing."""
    share: Fraction | None = None
    """Of the invoice's total, as `amount`; None: the body says all."""
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditInvoice:
    """The firm credits a share of what was billed; the memo follows the invoice's system."""

    at: datetime
    actor: str = "billing-desk"
    entity: str
    business_unit: str
    customer_id: str
    project_id: str | None
    billing_event_id: str
    share: Fraction
    reason: str
    credit_memo_id: str


Step = Action | PayInvoice | CreditInvoice | OnInvoice
