"""Master data: who is worked for, by whom, at what price, on what."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from router.canonical.documents import (
    BasisPoints,
    Code,
    Country,
    Currency,
    Day,
    Document,
    Identifier,
    Lines,
    Minutes,
    Name,
    Part,
    Rate,
    Text,
)
from router.canonical.money import Money

Billing = Literal["time_and_materials", "fixed_fee", "retainer", "subscription"]
Bills = Literal["time", "expenses", "milestones", "retainer", "subscription"]
Recognition = Literal["as_billed", "straight_line", "percentage_of_completion", "milestone"]


class Customer(Document):
    """A client the firm bills."""

    kind: Literal["customer"]
    name: Name
    currency: Currency
    country: Country
    tax_registration: Text | None = None
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] = 30
    email: Text | None = None
    address: Text | None = None
    city: Text | None = None
    postal_code: Text | None = None
    parent_id: Identifier | None = None
    """The customer it belongs to, in an account hierarchy."""

    verbs: ClassVar[tuple[str, ...]] = ("created", "updated", "cancelled")

    @property
    def ordering_key(self) -> str:
        return self.document_id

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.parent_id),) if self.parent_id else ()


class Contact(Document):
    """A person at a customer."""

    kind: Literal["contact"]
    customer_id: Identifier
    name: Name
    email: Text | None = None

    verbs: ClassVar[tuple[str, ...]] = ("created", "updated")

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.customer_id),)


class Opportunity(Document):
    """A deal in the CRM; won, it starts a project."""

    kind: Literal["opportunity"]
    customer_id: Identifier
    customer_name: Name
    country: Country
    name: Name
    stage: Text
    won: bool
    amount: Money
    currency: Currency
    close_date: Day
    billing: Billing = "time_and_materials"
    template: Code = "STANDARD"

    verbs: ClassVar[tuple[str, ...]] = ("won", "changed")

    @property
    def money(self) -> Money:
        return self.amount


class ContractLine(Part):
    """What one line of a contract bills."""

    line: Annotated[int, Field(ge=1, le=999)]
    bills: Bills
    description: Text
    tax_code: Code
    service_line: Code
    cap: Money | None = None
    """Time and expenses: the most this line may ever bill; what is beyond it is delivered, not billed."""
    fee: Money | None = None
    """Milestones: the whole fee. Subscription and retainer: the fee of one full period."""
    markup_basis_points: BasisPoints = 0
    """Expenses: what is added to the cost."""
    revenue: Recognition = "as_billed"
    """How its revenue is recognised; anything but `as_billed` is deferred when it is billed."""
    starts: Day | None = None
    """Subscription and retainer: the first day of service, where it is not the contract's."""
    ends: Day | None = None
    """Subscription and retainer: the last day of service, where it is not the contract's."""

    @property
    def amount(self) -> Money | None:
        """The fee or, without one, the cap: what an ERP keeps as the value of the line."""
        return self.fee or self.cap


class Contract(Document):
    """The commercial terms of a project."""

    kind: Literal["contract"]
    customer_id: Identifier
    currency: Currency
    billing: Billing
    rate_card_id: Identifier | None = None
    starts: Day
    ends: Day | None = None
    purchase_order: Text | None = None
    contract_version: Annotated[int, Field(ge=1, le=9999)] = 1
    """Which version of the agreement these lines are; change orders raise it."""
    engagement_id: Identifier | None = None
    """What ties the contracts of several billing entities on one engagement together."""
    group_by: Literal["project", "contract", "customer"] = "project"
    """What shares an invoice."""
    rate_type: Literal["spot", "average", "contract"] = "spot"
    """Which exchange rate turns its currency into the entity's."""
    exchange_rate: Rate | None = None
    """The agreed rate of `rate_type` contract."""
    lines: Annotated[tuple[ContractLine, ...], Field(min_length=1, max_length=200), Lines]

    version: ClassVar[int] = 2
    verbs: ClassVar[tuple[str, ...]] = ("signed", "amended", "renewed", "cancelled")

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        own = (("customer", self.customer_id),)
        return (*own, ("rate_card", self.rate_card_id)) if self.rate_card_id else own

    def line_for(self, bills: Bills, service_line: str = "") -> ContractLine | None:
        """The line that bills something of a service line: its own, else the first of that sort."""
        fitting = [line for line in self.lines if line.bills == bills]
        own = [line for line in fitting if line.service_line == service_line]
        return next(iter(own or fitting), None)


class RoleRate(Part):
    """What an hour of a role, or of one person in that role, costs the customer, from a day on."""

    role: Code
    hourly: Money
    starts: Day
    resource_id: Identifier | None = None


class RateCard(Document):
    """Prices by role."""

    kind: Literal["rate_card"]
    currency: Currency
    name: Name
    rates: Annotated[tuple[RoleRate, ...], Field(min_length=1, max_length=200), Lines]

    verbs: ClassVar[tuple[str, ...]] = ("published",)

    def rate(self, role: str, on: Day, resource_id: str | None = None) -> Money | None:
        """The hourly rate in force on a day, a person's own before the role's; None when there is none."""
        for person in (resource_id, None) if resource_id else (None,):
            fitting = [
                row
                for row in self.rates
                if row.role == role and row.resource_id == person and row.starts <= on
            ]
            if fitting:
                return max(fitting, key=lambda row: row.starts).hourly
        return None


class Project(Document):
    """A piece of work for a customer, with its financial dimensions."""

    kind: Literal["project"]
    customer_id: Identifier
    contract_id: Identifier
    name: Name
    currency: Currency
    starts: Day
    ends: Day | None = None
    status: Literal["active", "closed"] = "active"
    department: Code
    practice: Code
    service_line: Code
    cost_center: Code
    template: Code = "STANDARD"
    manager: Text | None = None

    verbs: ClassVar[tuple[str, ...]] = ("initiated", "updated", "closed", "cancelled")

    @property
    def ordering_key(self) -> str:
        return self.document_id

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("customer", self.customer_id), ("contract", self.contract_id))


class Task(Document):
    """A task of a project that time is booked on."""

    kind: Literal["task"]
    project_id: Identifier
    name: Name
    billable: bool = True

    verbs: ClassVar[tuple[str, ...]] = ("created",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id),)


class CostRate(Part):
    """What an hour of a person costs the firm, from a day on."""

    hourly: Money
    starts: Day


class Resource(Document):
    """A person who works on projects, as HR knows them; `legal_entity` is their employer."""

    kind: Literal["resource"]
    name: Name
    role: Code
    department: Code
    cost_center: Code
    currency: Currency
    cost_rates: Annotated[tuple[CostRate, ...], Field(min_length=1, max_length=200), Lines]
    email: Text | None = None
    manager_id: Identifier | None = None
    weekly_minutes: Annotated[int, Field(ge=0, le=10_080)] = 2_400
    """Contracted working time: the capacity utilisation is measured against."""
    hired_on: Day | None = None
    left_on: Day | None = None
    """The last day of work, once it is known."""

    version: ClassVar[int] = 2
    verbs: ClassVar[tuple[str, ...]] = ("hired", "updated", "left")

    @property
    def cost_rate(self) -> Money:
        """The newest cost rate: what a system without history keeps."""
        return max(self.cost_rates, key=lambda row: row.starts).hourly

    def cost_rate_on(self, on: Day) -> Money:
        """The hourly cost in force on a day; before the first one, the first."""
        fitting = [row for row in self.cost_rates if row.starts <= on]
        if not fitting:
            return min(self.cost_rates, key=lambda row: row.starts).hourly
        return max(fitting, key=lambda row: row.starts).hourly


class Assignment(Document):
    """A person's planned work on a project."""

    kind: Literal["assignment"]
    project_id: Identifier
    resource_id: Identifier
    role: Code
    starts: Day
    ends: Day
    minutes: Minutes

    verbs: ClassVar[tuple[str, ...]] = ("assigned",)

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        return (("project", self.project_id), ("resource", self.resource_id))
