"""Billing: the request to bill, and what comes of it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from router.canonical.documents import (
    Code,
    Currency,
    Day,
    Document,
    Identifier,
    Lines,
    Minutes,
    Part,
    Rate,
    Text,
)
from router.canonical.money import Money

Period = Annotated[str, StringConstraints(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$")]


class BillingEvent(Document):
    """Bill what is unbilled on a project up to a day; the ERP that has the work makes the invoice."""

    kind: Literal["billing_event"]
    project_id: Identifier
    customer_id: Identifier
    contract_id: Identifier
    currency: Currency
    period: Period
    through: Day
    """Work dates up to and including this day are billed; the accounting date is the invoice date."""
    with_projects: Annotated[tuple[Identifier, ...], Field(max_length=200), Lines] = ()
    """Further projects of the customer whose work goes on the same invoice (invoice grouping)."""
    milestone_ids: Annotated[tuple[Identifier, ...], Field(max_length=200), Lines] = ()
    """Milestones this invoice is for: it waits until the ERP has each of them, completed."""
    charge_ids: Annotated[tuple[Identifier, ...], Field(max_length=200), Lines] = ()
    """Charges this invoice is for: it waits until the ERP has each of them."""
    exchange_rate: Rate | None = None
    """Where the contract's currency is not the entity's: the rate of the contract's type and this date."""

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("requested",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (
            ("project", self.project_id),
            ("contract", self.contract_id),
            ("customer", self.customer_id),
            *(("project", one) for one in self.with_projects),
            *(("milestone", one) for one in self.milestone_ids),
            *(("charge", one) for one in self.charge_ids),
        )


class InvoiceLine(Part):
    """One line of an invoice or credit memo."""

    line: Annotated[int, Field(ge=1, le=9999)]
    description: Text
    minutes: Minutes | None = None
    net: Money
    tax_code: Code
    tax: Money
    department: Code | None = None
    practice: Code | None = None
    service_line: Code | None = None
    cost_center: Code | None = None


class Billed(Document):
    """What invoices and credit memos share: lines that sum to the totals, exactly."""

    customer_id: Identifier
    project_id: Identifier | None = None
    contract_id: Identifier | None = None
    currency: Currency
    number: Text | None = None
    lines: Annotated[tuple[InvoiceLine, ...], Field(min_length=1, max_length=9999), Lines]
    net: Money
    tax: Money
    total: Money
    status: Literal["draft", "posted", "paid", "cancelled"] = "posted"
    exchange_rate: Rate | None = None

    transactional: ClassVar[bool] = True

    @model_validator(mode="after")
    def _totals_tie(self) -> Any:
        # Tax may be rounded on the document rather than per line, so only net and total must tie.
        if sum(line.net.minor for line in self.lines) != self.net.minor:
            msg = f"net: {self.net} is not the sum of its lines"
            raise ValueError(msg)
        if self.net.minor + self.tax.minor != self.total.minor:
            msg = f"total: {self.total} is not net {self.net} plus tax {self.tax}"
            raise ValueError(msg)
        return self

    @property
    def money(self) -> Money:
        return self.total

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        own: tuple[tuple[str, str], ...] = (("customer", self.customer_id),)
        return (*own, ("project", self.project_id)) if self.project_id else own


class Invoice(Billed):
    """An invoice to a customer."""

    kind: Literal["invoice"]
    due_date: Day
    billing_event_id: Identifier | None = None
    rebills: Identifier | None = None
    """The credited invoice this one replaces; it follows that invoice's system."""

    verbs: ClassVar[tuple[str, ...]] = ("issued",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("invoice", self.rebills) if self.rebills else None


class CreditMemo(Billed):
    """A credit for an invoice; it follows the invoice's system."""

    kind: Literal["credit_memo"]
    invoice_id: Identifier
    reason: Text = ""
    whole: bool = False
    """It credits all of the invoice, whatever that comes to in an ERP: in a dual run one invoice may
    differ by its rounding, and neither side must be left with a rest."""

    verbs: ClassVar[tuple[str, ...]] = ("issued",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("invoice", self.invoice_id)


class Payment(Document):
    """Money received for an invoice; it follows the invoice's system."""

    kind: Literal["payment"]
    customer_id: Identifier
    project_id: Identifier | None = None
    invoice_id: Identifier
    amount: Money
    currency: Currency
    paid_on: Day
    bank_reference: Text = ""
    exchange_rate: Rate | None = None

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("received",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("invoice", self.invoice_id)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.customer_id), ("invoice", self.invoice_id))

    @property
    def money(self) -> Money:
        return self.amount


class WriteOff(Document):
    """What will not be paid of an invoice; it follows the invoice's system and lowers what is open."""

    kind: Literal["write_off"]
    customer_id: Identifier
    project_id: Identifier | None = None
    invoice_id: Identifier
    amount: Money
    currency: Currency
    reason: Text
    approved_by: Text

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("approved",)

    @property
    def refers_to(self) -> tuple[str, str] | None:
        return ("invoice", self.invoice_id)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.customer_id), ("invoice", self.invoice_id))

    @property
    def money(self) -> Money:
        return self.amount


class ScheduleLine(Part):
    """Revenue of one period."""

    period: Period
    amount: Money


class RevenueSchedule(Document):
    """When a contract's revenue is recognised."""

    kind: Literal["revenue_schedule"]
    project_id: Identifier
    contract_id: Identifier
    currency: Currency
    contract_line: Annotated[int, Field(ge=1, le=999)] = 1
    method: Literal["straight_line", "percentage_of_completion", "milestone"]
    lines: Annotated[tuple[ScheduleLine, ...], Field(min_length=1, max_length=600), Lines]

    transactional: ClassVar[bool] = True
    verbs: ClassVar[tuple[str, ...]] = ("planned",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("contract", self.contract_id))
